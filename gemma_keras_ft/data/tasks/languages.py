"""What a prompt calls a language, and facts that must stay on one line."""

import re

# English names by the first part of a BCP 47 tag, as CLDR has them. Those of
# languages that songs are collected in; any other is called by its tag.
_NAMES = dict(
    re.findall(
        r"(\w+)=([^;]+);",
        "ar=Arabic;as=Assamese;awa=Awadhi;bg=Bulgarian;bho=Bhojpuri;bn=Bengali;"
        "bo=Tibetan;bra=Braj;brx=Bodo;ceb=Cebuano;cs=Czech;cy=Welsh;da=Danish;"
        "de=German;doi=Dogri;dv=Divehi;el=Greek;en=English;es=Spanish;et=Estonian;"
        "eu=Basque;fa=Persian;fi=Finnish;fil=Filipino;fr=French;ga=Irish;"
        "gd=Scottish Gaelic;gon=Gondi;gu=Gujarati;haw=Hawaiian;he=Hebrew;hi=Hindi;"
        "hne=Chhattisgarhi;hr=Croatian;hu=Hungarian;hy=Armenian;id=Indonesian;"
        "is=Icelandic;it=Italian;ja=Japanese;jv=Javanese;ka=Georgian;kk=Kazakh;"
        "km=Khmer;kn=Kannada;ko=Korean;kok=Konkani;kru=Kurukh;ks=Kashmiri;"
        "ku=Kurdish;la=Latin;lo=Lao;lt=Lithuanian;lus=Mizo;lv=Latvian;"
        "lzh=Literary Chinese;mai=Maithili;mag=Magahi;mi=Māori;ml=Malayalam;"
        "mn=Mongolian;mni=Manipuri;mr=Marathi;ms=Malay;my=Burmese;ne=Nepali;"
        "new=Newari;nl=Dutch;no=Norwegian;or=Odia;pa=Punjabi;pi=Pali;pl=Polish;"
        "ps=Pashto;pt=Portuguese;raj=Rajasthani;ro=Romanian;ru=Russian;sa=Sanskrit;"
        "sat=Santali;sd=Sindhi;si=Sinhala;sk=Slovak;skr=Saraiki;sl=Slovenian;"
        "so=Somali;sq=Albanian;sr=Serbian;su=Sundanese;sv=Swedish;sw=Swahili;"
        "ta=Tamil;tcy=Tulu;te=Telugu;th=Thai;ti=Tigrinya;tl=Tagalog;tr=Turkish;"
        "uk=Ukrainian;ur=Urdu;uz=Uzbek;vi=Vietnamese;yi=Yiddish;yo=Yoruba;"
        "zh=Chinese;zu=Zulu;",
    )
)


def language_name(tag: str | None) -> str:
    """Returns the English name of a BCP 47 tag's language.

    Example:
        in:   "pa-Guru"
        out:  "Punjabi"

    A language that has no name here is called by its tag; no tag gives "".
    """
    tag = one_line(tag)
    return _NAMES.get(tag.split("-")[0].lower(), tag)


def one_line(text: str | None) -> str:
    """Returns a text on one line, with single spaces; "" where there is none."""
    return " ".join((text or "").split())
