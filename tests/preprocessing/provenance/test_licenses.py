import pytest

from gemma_keras_ft.preprocessing.provenance.licenses import is_allowed, license_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        # The SPDX License List's names stand for themselves, in any case.
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("cc-by-sa-4.0", "CC-BY-SA-4.0"),
        ("CC0-1.0", "CC0-1.0"),
        ("CC-BY-NC-ND-3.0", "CC-BY-NC-ND-3.0"),
        ("CC-BY-3.0-US", "CC-BY-3.0-US"),
        ("CC-BY-3.0-IGO", "CC-BY-3.0-IGO"),
        ("CC-PDM-1.0", "CC-PDM-1.0"),
        ("mit", "MIT"),
        ("Unlicense", "Unlicense"),
        ("PDDL-1.0", "PDDL-1.0"),
        ("odbl-1.0", "ODbL-1.0"),
        ("Apache-2.0", "Apache-2.0"),
        ("GPL-3.0-or-later", "GPL-3.0-or-later"),
        # Creative Commons' addresses and long names.
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("http://creativecommons.org/licenses/by-nc-sa/3.0/deed.hi", "CC-BY-NC-SA-3.0"),
        ("https://creativecommons.org/licenses/by/3.0/us/legalcode", "CC-BY-3.0-US"),
        ("https://creativecommons.org/licenses/by/3.0/igo/", "CC-BY-3.0-IGO"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        (
            "Creative Commons Attribution-ShareAlike 4.0 International Public License",
            "CC-BY-SA-4.0",
        ),
        (
            "Creative Commons Attribution-NonCommercial-NoDerivs 3.0 Unported",
            "CC-BY-NC-ND-3.0",
        ),
        (
            "Creative Commons Attribution-Noncommercial 3.0 Unported License",
            "CC-BY-NC-3.0",
        ),
        ("CC0 1.0 Universal", "CC0-1.0"),
        # As people write them.
        ("CC BY 4.0", "CC-BY-4.0"),
        ("CC BY v4.0", "CC-BY-4.0"),
        ("cc_by_4.0", "CC-BY-4.0"),
        ("CC BY-SA 4.0.", "CC-BY-SA-4.0"),
        ("CC0", "CC0-1.0"),
        ("Public Domain", "public domain"),
        (" public  domain. ", "public domain"),
        ("Public Domain Mark 1.0", "CC-PDM-1.0"),
        ("text public domain by age (poet died 1869)", "public domain"),
        ("Text and English verse (1886) public domain by age", "public domain"),
        ("The lyrics are in the public domain", "public domain"),
        ("MIT (package)", "MIT"),
        ("The MIT Licence", "MIT"),
    ],
)
def test_spellings_of_the_same_terms_have_one_name(text, name):
    assert license_name(text) == name
    assert license_name(name) == name


def test_other_terms_have_other_names():
    texts = [
        "CC BY",
        "CC-BY-SA",
        "CC-BY-4.0",
        "CC-BY-3.0",
        "CC-BY-3.0-US",
        "CC-BY-3.0-IGO",
        "CC-BY-NC-4.0",
        "CC-BY-ND-4.0",
        "CC-BY-SA-4.0",
        "CC BY 4.0 (except track 3)",
        "CC BY 4.0, not for training",
        "CC0-1.0",
        "public domain",
        "Public Domain Mark 1.0",
        "public domain in the USA",
        "Public domain (USA)",
        "not public domain",
        "text not in the public domain",
        "some texts are in the public domain",
        "text presumably public domain",
        "https://example.org/publicdomain/zero/1.0/",
        "MIT",
        "MIT (non-commercial only)",
        "all rights reserved",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
        "",
    ]
    assert len({license_name(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    ("text", "allowed", "expected"),
    [
        ("CC BY 4.0", ("CC-BY-4.0",), True),
        ("CC-BY-4.0", ("https://creativecommons.org/licenses/by/4.0/",), True),
        ("CC BY", ("CC-BY-4.0",), False),
        ("CC BY", ("CC BY",), True),
        ("CC-BY-4.0", ("CC BY",), False),
        ("CC-BY-NC-4.0", ("CC-BY-4.0",), False),
        ("CC-BY-4.0", ("CC-BY-SA-4.0", "CC-BY-NC-4.0"), False),
        # Whoever takes unmarked public domain texts takes marked ones.
        ("Public Domain Mark 1.0", ("public domain",), True),
        ("public domain", ("Public Domain Mark 1.0",), False),
        ("CC0-1.0", ("public domain",), False),
        ("public domain", ("CC0-1.0",), False),
        # All statements must be allowed, and all of SPDX's AND, one of its OR.
        ("MIT (package); text public domain by age", ("MIT", "public domain"), True),
        ("MIT (package); text public domain by age", ("public domain",), False),
        ("MIT AND CC-BY-4.0", ("MIT",), False),
        ("MIT AND CC-BY-4.0", ("MIT", "CC-BY-4.0"), True),
        ("MIT OR CC-BY-4.0", ("CC-BY-4.0",), True),
        ("MIT OR Apache-2.0 AND CC-BY-4.0", ("Apache-2.0",), False),
        ("MIT OR Apache-2.0 AND CC-BY-4.0", ("MIT",), True),
        ("MIT; all rights reserved", ("MIT",), False),
        # A `;` inside brackets parts nothing; an unknown text is allowed by name.
        ("Public domain (Old book, 1905; new book)", ("public domain",), False),
        (
            "Public domain (Old book, 1905; new book)",
            ("public domain (Old Book, 1905; new book)",),
            True,
        ),
        ("with the singer's leave", ("With the singer's leave",), True),
        ("", ("MIT",), False),
    ],
)
def test_what_is_allowed(text, allowed, expected):
    assert is_allowed(text, allowed) is expected
