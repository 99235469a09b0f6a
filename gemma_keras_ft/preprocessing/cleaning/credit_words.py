"""The words by which credits are announced, in the languages of the songs."""

from gemma_keras_ft.preprocessing.cleaning.patterns import folded

# Role -> words, parted by `|`. A word that may well begin a line of a song, or that
# names more than a credit, is marked with `?`: it needs a block around it.
_WORDS = {
    "singer": (
        "singer|singers|singer(s)|vocals?|vocal?|voice?|playback|playback singer"
        "|गायक|गायिका|गायक/गायिका|गायक व गायिका|स्वर?|आवाज़?|गायन"
        "|ਗਾਇਕ|ਗਾਇਕਾ|ਆਵਾਜ਼?|শিল্পী|কণ্ঠ?|কণ্ঠশিল্পী|গায়ক|গায়িকা|গায়ক|গায়িকা"
        "|பாடகர்|பாடகி|பாடகர்கள்|பாடியவர்|பாடியவர்கள்|குரல்?"
        "|గాయకుడు|గాయకులు|గాయని|గాయనీగాయకులు|గానం|పాడినవారు"
        "|ಗಾಯಕ|ಗಾಯಕಿ|ಗಾಯಕರು|ಗಾಯನ|ഗായകൻ|ഗായിക|ഗായകർ|ആലാപനം|പാടിയത്"
        "|ગાયક|ગાયિકા|સ્વર?|ଗାୟକ|ଗାୟିକା|କଣ୍ଠ?|গায়ক|শিল্পীসকল"
        "|گلوکار|گلوکارہ|آواز?|خواننده|cantante|chanteur|chanteuse|sänger|sängerin"
        "|penyanyi|şarkıcı|исполнитель|певец|певица|歌手|演唱|가수|ca sĩ"
    ),
    "music": (
        "music?|music director|music composer|musician|संगीत?|संगीतकार|संगीत निर्देशक"
        "|संगीत निर्देशन|ਸੰਗੀਤ?|ਸੰਗੀਤਕਾਰ|সুর?|সুরকার|সঙ্গীত?|সংগীত?|সঙ্গীত পরিচালক"
        "|সংগীত পরিচালক|இசை?|இசையமைப்பாளர்|இசையமைப்பு|సంగీతం?|సంగీత దర్శకుడు"
        "|సంగీత దర్శకత్వం|ಸಂಗೀತ?|ಸಂಗೀತ ನಿರ್ದೇಶಕ|ಸಂಗೀತ ನಿರ್ದೇಶನ|സംഗീതം?"
        "|സംഗീത സംവിധാനം|സംഗീത സംവിധായകൻ|સંગીત?|સંગીતકાર|ସଙ୍ଗୀତ?|ସଂଗୀତ?"
        "|ସଙ୍ଗୀତ ନିର୍ଦ୍ଦେଶକ|সুৰ?|সংগীত পৰিচালক|موسیقی?|موسیقار|آهنگساز|música?"
        "|musique?|musik?|musica?|müzik?|beste|музыка?|曲|作曲|작곡|nhạc?"
    ),
    "lyrics": (
        "lyrics?|lyric?|lyricist|lyricists|words?|songwriter|songwriters|songwriter(s)"
        "|writer?|writers?|writer(s)|author?|poet?|penned|गीत?|गीतकार|बोल?|शब्द?|रचना?"
        "|रचनाकार|कवि?|कवी?|शायर?|ਗੀਤਕਾਰ|ਬੋਲ?|ਲਿਖਾਰੀ|ਰਚਨਾ?|গীতিকার|গীতিকবি|কথা?|রচনা?"
        "|கவிஞர்?|பாடலாசிரியர்|பாடல் வரிகள்|பாடல்வரிகள்|வரிகள்?|இயற்றியவர்|எழுதியவர்"
        "|రచన?|రచయిత|సాహిత్యం|గీత రచయిత|గీతరచన|గేయ రచయిత|ಸಾಹಿತ್ಯ|ರಚನೆ?|ಗೀತರಚನೆ|ಕವಿ?"
        "|ഗാനരചന|രചന?|ഗാനരചയിതാവ്|വരികൾ?|ગીતકાર|ગીત?|રચના?|ଗୀତିକାର|ଗୀତ?|ରଚନା?"
        "|গীতিকাৰ|کلام?|شاعر?|نغمہ نگار|بول?|ترانه‌سرا|letra?|paroles?|text?|testo?"
        "|söz?|sözler?|слова?|автор слов|词|作词|作詞|詞|작사|lời?|lirik?|titik?"
    ),
    "composer": "composer|composers|composer(s)|compositor|compositeur|komponist",
    "arranger": "arranger|arrangement|arrangements|arreglos|编曲|編曲|편곡",
    "producer": "producer|producers|producer(s)|music producer|निर्माता|தயாரிப்பாளர்",
    "artist": "artist|artists|artist(s)|performer|performers|कलाकार|featuring?",
    "album": "album|album name|एल्बम|अल्बम|ऐल्बम|ਐਲਬਮ|অ্যালবাম|ஆல்பம்|ఆల్బమ్|专辑|альбом",
    "film": (
        "movie?|movie name|film?|film name|फिल्म?|फ़िल्म?|चित्रपट|सिनेमा?|ਫਿਲਮ?|ਫ਼ਿਲਮ?"
        "|ছবি?|ছায়াছবি|ছায়াছবি|চলচ্চিত্র|திரைப்படம்|படம்?|చిత్రం?|సినిమా?|ಚಿತ್ರ?|ಚಲನಚಿತ್ರ"
        "|ചിത്രം?|ചലച്ചിത്രം|સિનેમા?|ફિલ્મ?|ଚଳଚ୍ଚିତ୍ର|فلم?|película|pelikula"
    ),
    "raga": (
        "raga|raag|ragam|raaga|raagam|राग?|राग/रागिनी|ਰਾਗ?|ਰਾਗੁ?|রাগ?|ராகம்|ராகம|రాగం"
        "|ರಾಗ|രാഗം|રાગ?|ରାଗ?|راگ"
    ),
    "tala": (
        "tala|taal|talam|taala|thalam|thaalam|ताल?|ਤਾਲ?|তাল?|தாளம்|తాళం|ತಾಳ|താളം|તાલ?|ତାଳ?"
        "|تال"
    ),
    "director": (
        "director?|film director|निर्देशक|दिग्दर्शक|পরিচালক|இயக்குனர்|இயக்குநர்|దర్శకుడు"
        "|దర్శకత్వం|ನಿರ್ದೇಶನ|ನಿರ್ದೇಶಕ|സംവിധാനം|ਨਿਰਦੇਸ਼ਕ"
    ),
    "cast": "starring|cast?|star cast|featuring artists|नटवर्ग|நடிகர்கள்|నటీనటులు",
    "label": "music label|record label|label?|music on",
    "title": (
        "song title|song name|title?|song?|name of song|गाना?|गीत का नाम|गाने का नाम"
        "|शीर्षक|ਗੀਤ?|গান?|শিরোনাম|பாடல்?|పాట?|ಹಾಡು?|ഗാനം?|título?|titre?|titel?"
    ),
    "translator": "translator|translation?|transliteration?|अनुवाद|अनुवादक|traducción",
    "transcriber": "transcribed|transcriber|lyrics typed|submitted",
    "year": "year?|release year|release date|released|वर्ष?|साल?|ஆண்டு?|సంవత్సరం?|año?",
    "genre": "genre|genres|category|tags?|mood?",
    "language": "language?|भाषा?|மொழி?|భాష?|ਭਾਸ਼ਾ?|ভাষা?|idioma?",
    "source": "source?|lyrics source|song credits|credits",
    "copyright": "copyright|copyrights|publisher|publishers|published|℗|©",
}
# "Written by …": the verb, and whose credit it is.
BY = {
    "written": "lyrics",
    "words": "lyrics",
    "lyrics": "lyrics",
    "lyric": "lyrics",
    "penned": "lyrics",
    "music": "music",
    "composed": "composer",
    "produced": "producer",
    "co-produced": "producer",
    "arranged": "arranger",
    "sung": "singer",
    "vocals": "singer",
    "performed": "artist",
    "mixed": "engineer",
    "mastered": "engineer",
    "recorded": "engineer",
    "engineered": "engineer",
    "directed": "director",
    "translated": "translator",
    "transcribed": "transcriber",
    "submitted": "transcriber",
    "published": "copyright",
    "distributed": "copyright",
    "released": "label",
}


def _read(words: dict[str, str]) -> dict[str, tuple[str, bool]]:
    read: dict[str, tuple[str, bool]] = {}
    for role, listed in words.items():
        for word in listed.split("|"):
            read.setdefault(folded(word.rstrip("?")), (role, not word.endswith("?")))
    return read


# The folded word -> its role, and whether it is sure by itself.
CREDIT_WORDS = _read(_WORDS)
