"""Indic spellings that look alike and that NFC leaves apart, as tables.

Each says why its spellings are one. What could be two words is in none of them:
Tamil ஒள and ஔ, Malayalam ൗ and ൌ, ൻറ and ന്റ, a colon that may end a label.
"""

# Consonants without a vowel, as they were typed before they had a character: Bengali
# khanda ta, Malayalam's chillus. (Unicode chapter 12; DoNotEmit.txt)
ATOMIC_CONSONANTS = {
    **{"ত্\u200d": "ৎ", "ണ്\u200d": "ൺ", "ന്\u200d": "ൻ", "ര്\u200d": "ർ"},
    **{"ല്\u200d": "ൽ", "ള്\u200d": "ൾ", "ക്\u200d": "ൿ"},
}


def _triples(table: str) -> dict[tuple[str, str], str]:
    first, second, whole = (table.split()[start::3] for start in range(3))
    return dict(zip(zip(first, second, strict=True), whole, strict=True))


# A vowel letter built of another one and a sign, which looks like it: letter, sign,
# the one to use. (Unicode chapters 12 and 13, "Vowel Letters"; DoNotEmit.txt)
VOWEL_LETTERS = _triples("""
    अ ॆ ऄ  अ ा आ  उ ु ऊ  ए ॅ ऍ  ए ॆ ऎ  ए े ऐ  अ ॉ ऑ  आ ॅ ऑ  अ ॊ ऒ  आ ॆ ऒ  अ ो ओ
    आ े ओ  अ ौ औ  आ ै औ  अ ॅ ॲ  अ ऺ ॳ  अ ऻ ॴ  आ ऺ ॴ  अ ॏ ॵ  अ ॖ ॶ  अ ॗ ॷ
    অ া আ  ঋ ৃ ৠ  ঌ ৢ ৡ  ଅ ା ଆ  ଏ ୗ ଐ  ଓ ୗ ଔ  அ ூ ஆ
    ఒ ౕ ఓ  ఒ ౌ ఔ  ಉ ಾ ಊ  ಒ ೌ ಔ  ಋ ಾ ೠ
    ਅ ਾ ਆ  ੲ ਿ ਇ  ੲ ੀ ਈ  ੳ ੁ ਉ  ੳ ੂ ਊ  ੲ ੇ ਏ  ਅ ੈ ਐ  ੳ ੋ ਓ  ਅ ੌ ਔ
    અ ા આ  અ ૅ ઍ  અ ે એ  અ ૈ ઐ  અ ૉ ઑ  આ ૅ ઑ  અ ો ઓ  આ ે ઓ  અ ૌ ઔ  આ ૈ ઔ
    ഇ ൗ ഈ  ഉ ൗ ഊ  എ െ ഐ  ഒ ാ ഓ  ഒ ൗ ഔ
    අ ා ආ  අ ැ ඇ  අ ෑ ඈ  උ ෟ ඌ  ඍ ෘ ඎ  ඏ ෟ ඐ  එ ෙ ඓ  ඔ ෟ ඖ
""")

# A vowel sign in its two parts, where NFC does not join them or they were typed in
# the wrong order. No consonant carries two vowel signs, so nothing else is meant.
# (Telugu, and Gujarati ૉ: Unicode chapter 12; the others look the same)
TWO_PART_SIGNS = _triples("""
    ा े ो  े ा ो  ा ै ौ  ै ा ौ  ा ॅ ॉ  ॅ ा ॉ  ा ॆ ॊ  ॆ ा ॊ
    ા ે ો  ે ા ો  ા ૈ ૌ  ૈ ા ૌ  ા ૅ ૉ  ૅ ા ૉ
    া ে ো  ৗ ে ৌ  ା େ ୋ  ୗ େ ୌ  ୖ େ ୈ  ா ெ ொ  ா ே ோ  ௗ ெ ௌ
    ి ౕ ీ  ె ౕ ే  ొ ౕ ో  ೂ ೆ ೊ  ೇ ೂ ೋ
    ാ െ ൊ  ാ േ ോ  ൗ െ ൌ  െ െ ൈ  ා ෙ ො  ේ ා ෝ  ෟ ෙ ෞ  ෙ ෙ ෛ
""")

# Two of Tamil's ெ may stand for one ை, so they are not taken for one typed twice.
DOUBLE_KEPT = "\u0bc6"

# Sequences that look like what is to be used. (Unicode chapters 12 and 13;
# DoNotEmit.txt. For nta, chapter 12 has both; the shorter one is what people type.)
SEQUENCES = {"र्इ": "ई", "ஸ்ரீ": "ஶ்ரீ", "ൻ്റ": "ന്റ", "එ්": "ඒ"}

# Digit and letter that look alike. A digit that carries a vowel sign or a virama is
# the letter; the letter between two digits is the digit.
DIGIT_LETTERS = {"२": "र", "૨": "ર", "૫": "પ", "੦": "ਠ", "୦": "ଠ", "൦": "ഠ"}
# Tamil's numerals do not stand in places, so only the first half holds for them.
NUMERAL_LETTERS = {"௧": "க", "௪": "ச", "௰": "ய"}
# A zero right after a letter is anusvara; anusvara right after a digit is zero.
ZERO_ANUSVARA = {"౦": "ం", "೦": "ಂ"}
# Malayalam's nine and four after a letter are chillus. Its zero there is anusvara
# at a word's end only: before a letter it may as well be ഠ.
DIGIT_CHILLUS = {"൯": "ൻ", "൪": "ർ"}
MALAYALAM_ZERO_ANUSVARA = {"൦": "ം"}

# Danda and double danda are Devanagari's for all scripts; their places in the other
# blocks are reserved, but old fonts have them. (NamesList.txt)
RESERVED_DANDAS = {
    chr(block + place): danda
    for block in range(0x0980, 0x0D80, 0x80)
    for place, danda in ((0x64, "।"), (0x65, "॥"))
}

# Beginnings of words that hold a visarga, for which a colon was typed; the other
# scripts' by their place in the block. After the first set the word may end.
VISARGA_ENDS = tuple(
    "अत पुन प्रात स्वत प्राय अंतत अन्तत मूलत वस्तुत विशेषत सामान्यत पूर्णत मुख्यत "
    "संभवत सम्भवत क्रमश शनै नम छ".split()
)
VISARGA_INSIDE = tuple("दु नि अंत अन्त मन यश तप तेज अध बहि चतु ज्योति".split())
VISARGA_BLOCKS = (0x0900, 0x0980, 0x0A80, 0x0B00, 0x0C00, 0x0C80, 0x0D00)

# Letters and digits of Arabic where Persian or Urdu has its own, alike in most
# places. (CLDR: exemplar characters and default numbering systems)
PERSIAN_LETTERS = {"ي": "ی", "ى": "ی", "ك": "ک"}
PERSIAN_DIGITS = dict(zip("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", strict=True))
