"""The words that name a song's sections, in the languages of the songs."""

from gemma_keras_ft.preprocessing.cleaning.patterns import folded

# Canonical name -> words, parted by `|`. `?` marks a word that is also a common one
# (`मुखड़ा` is a face, `bridge` a bridge): bare on its line it needs company. A word that
# names one part of a form keeps its own name (pallavi, sthayi); one that only means
# "verse" or "refrain" of a film song takes the common one. Every name is among its
# own words, so that what is canonical stays so.
_WORDS = {
    "verse": (
        "verse?|verses?|vers?|verso?|estrofa|strophe|strofa|strofă|stanza|couplet?|zwrotka"
        "|sloka?|kıta?|bait?|versículo?|куплет|στροφή?|κουπλέ|בית?|مقطع?|انترا"
        "|अंतरा|अन्तरा|कडवे|कडवं|ਅੰਤਰਾ|અંતરો|અંતરા|antra|aṁtarā"
        "|phiên khúc|主歌|벌스|aメロ|ท่อนร้อง?|ubeti"
    ),
    "chorus": (
        "chorus|chorus all|all chorus|repeat chorus|final chorus|last chorus|coro?"
        "|estribillo|refrão|ritornello?|nakarat|refren|refrén|припев|приспів|ρεφρέν"
        "|ρεφραίν|פזמון|reff|reff.|ref|ref.?|koro|kiitikio|điệp khúc|副歌|サビ|후렴"
        "|ท่อนฮุก|կրկներգ|მისამღერი|አዝማች|कोरस|मुखड़ा?|मुखडा?|ਮੁਖੜਾ?|ਕੋਰਸ|কোরাস|કોરસ"
        "|મુખડું?|મુખડો?|கோரஸ்|కోరస్|ಕೋರಸ್|കോറസ്|مکھڑا?|کورس|mukhda|mukhra|mukhaṛā"
    ),
    "pre-chorus": (
        "pre-chorus|pre chorus|prechorus|precoro|pre-coro|pré-refrão|pré-refrain"
        "|pre-refrain|предприпев|pre-reff|bメロ|프리코러스"
    ),
    "post-chorus": "post-chorus|post chorus|postchorus|pós-refrão|post-refrain",
    "bridge": "bridge?|puente?|ponte?|pont?|brücke?|köprü?|бридж|桥段|브릿지",
    "intro": "intro|introducción?|introdução?|вступление?|인트로|イントロ",
    "outro": "outro|ending?|outro chorus|아웃트로|アウトロ|концовка?",
    "interlude": "interlude|interlúdio|interludio|intermezzo",
    "hook": "hook?|hookline",
    "refrain": (
        "refrain|kehrreim|टेक?|ध्रुवपद|ध्रुपद?|ਟੇਕ?|ટેક?|ধুয়া|ধ্রুবপদ|لازمة|สร้อย?|burden?|ధ్రువపదం"
    ),
    "breakdown": "breakdown?",
    "drop": "drop?",
    "break": "break?",
    "coda": "coda?",
    "tag": "tag?",
    "rap": "rap?|rap verse|रैप?|ਰੈਪ?|ராப்?|ర్యాప్?",
    "solo": "solo?",
    "spoken": "spoken?|spoken word?",
    "ad-libs": "ad-libs?|ad libs?|adlibs?",
    "alap": "alap?|alaap?|aalap?|आलाप?|ਆਲਾਪ?|আলাপ?|ஆலாபனை|ఆలాపన|ಆಲಾಪನೆ|ആലാപനം?",
    "pallavi": "பல்லவி|పల్లవి|ಪಲ್ಲವಿ|പല്ലവി|pallavi?|पल्लवि|पल्लवी?",
    "anupallavi": (
        "அனுபல்லவி|அநுபல்லவி|అనుపల్లవి|ಅನುಪಲ್ಲವಿ|അനുപല്ലവി|anupallavi|anu pallavi|अनुपल्लवि"
    ),
    "charanam": (
        "சரணம்?|சரணங்கள்?|చరణం?|ಚರಣ?|ಚರಣಂ|ಚರಣಗಳು|ചരണം?|ചരണങ്ങൾ|charanam?|caraṇam?"
        "|saraṇam?|चरणम्?|चरण?"
    ),
    "thogaiyara": "தொகையறா|thogaiyara|thogayara",
    "saki": "సాకీ|saki?|sākī?",
    "sthayi": (
        "स्थायी?|स्थाई?|अस्थाई?|ਅਸਥਾਈ|ਸਥਾਈ|স্থায়ী?|আস্থায়ী|સ્થાયી?|ସ୍ଥାୟୀ?|sthayi|asthayi"
        "|asthai|sthāyī|استھائی"
    ),
    "antara": "antara?|antarā|অন্তরা|অন্তৰা|ଅନ୍ତରା",
    "sanchari": "संचारी|সঞ্চারী|ਸੰਚਾਰੀ|ସଞ୍ଚାରୀ|sanchari|sañcārī",
    "abhog": "आभोग|আভোগ|ਆਭੋਗ|ଆଭୋଗ|abhog|abhoga|ābhog",
    "ghosha": "ଘୋଷା|ঘোষা|ghosha|ghoṣā",
    "rahao": "ਰਹਾਉ?|rahao|rahāu",
}


def _read(words: dict[str, str]) -> dict[str, tuple[str, bool]]:
    read: dict[str, tuple[str, bool]] = {}
    for name, listed in words.items():
        for word in listed.split("|"):
            read.setdefault(folded(word.rstrip("?")), (name, not word.endswith("?")))
    return read


# The folded word -> its canonical name, and whether it is sure by itself.
LABEL_WORDS = _read(_WORDS)
# Words for first, second … before the name of a section.
ORDINALS = {
    folded(word): number
    for number, words in enumerate(
        (
            "1st|first|पहला|पहिला|पहिले|प्रथम|ਪਹਿਲਾ|প্রথম|முதல்|మొదటి|ಮೊದಲ|primera|первый",
            "2nd|second|दूसरा|दुसरा|दुसरे|द्वितीय|ਦੂਜਾ|দ্বিতীয়|இரண்டாம்|రెండవ|ಎರಡನೇ|segunda|второй",
            "3rd|third|तीसरा|तिसरा|तिसरे|तृतीय|ਤੀਜਾ|তৃতীয়|மூன்றாம்|మూడవ|ಮೂರನೇ|tercera|третий",
            "4th|fourth|चौथा|चौथे|चतुर्थ|ਚੌਥਾ|চতুর্থ|நான்காம்|నాలుగవ|ನಾಲ್ಕನೇ|cuarta|четвёртый",
        ),
        start=1,
    )
    for word in words.split("|")
}
