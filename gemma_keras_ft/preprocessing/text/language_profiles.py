"""What tells languages of one script apart: small words, endings, letters."""

import dataclasses
import functools
import unicodedata

import regex

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
# Inside words, but no part of them. Not ZWNJ, after which Persian has endings.
_INSIDE = regex.compile("[\u200d\u00ad\u2060\ufeff]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageProfile:
    """What a text in a language shows, in the form that `plain_words` gives.

    Args:
        words: Frequent words. Those that a neighbor or romanized Indic text shares
            are left out: Awadhi and Braj also have का and को, Cebuano has sa and
            mga, romanized Hindi has to, is, in, me, do, so, us, main and he.
        telling: Pattern of further words that only this language has.
        foreign: Pattern of what no word of the language holds.
    """

    words: frozenset[str]
    telling: regex.Pattern | None
    foreign: regex.Pattern | None


_WORDS = {
    # Devanagari
    "hi": "है हैं हूँ हूं में नहीं और था थी थे ने यह वह ये वो मेरा मेरी मेरे तेरा तेरी "
    "तेरे हमें तुम्हें मुझे तुझे उसे इसे अपना अपनी अपने हमारा हमारी हमारे तुम्हारा "
    "तुम्हारी तुम्हारे होगा होगी होंगे हुआ हुई हुए रहा रही रहे गया गई गए उसका उसकी "
    "उसके इसका इसकी इसके उनका उनकी उनके लिए",
    "mr": "आहे आहेत आहेस नाही नाहीत आणि मला तुला माझा माझी माझे माझ्या तुझा तुझी तुझे "
    "तुझ्या मी ते ती हे होते होता होती झाला झाली झाले त्या आम्ही तुम्ही आपण आता कधी "
    "कसा कशी काय नको येतो येते असे जसे",
    "ne": "छ छन् छु छौ छैन छैनन् हुन्छ थियो थिए भयो मेरो तिम्रो तिमी हाम्रो पनि यो त्यो "
    "म मा हो होइन गर्छ गर्छु गर्न भने भनेर अनि लाई सधैं जस्तै",
    "sa": "च न एव इति तु वा हि यत् तत् अपि अहम् त्वम् मम तव तस्य यस्य ते मे सः यः अहं "
    "त्वं तथा यथा यदा तदा",
    # Bengali
    "bn": "আমি তুমি আমার তোমার তোমায় আমায় আমাকে তোমাকে তার তাহার তাঁর সে এই যে না নাই "
    "নেই কে কি কী ও আর এ তো যায় করে হয় হবে আছে ছিল কেন কোন কত যদি মোর মোরে তব মম তাই "
    "যেন সেই থেকে মাঝে তিনি তাদের আমাদের তোমরা আমরা তারা এবং সব সকল হে জন্য কাছে কথা হল",
    "as": "মই মোৰ তোমাৰ আমাৰ তেওঁ নহয় আৰু ৰ কিয়",
    # Arabic
    "ur": "ہے ہیں ہوں میں نہیں اور تھا تھی تھے نے یہ وہ مجھے تجھے اسے ہمیں تمہیں میرا "
    "میری میرے تیرا تیری تیرے اپنا اپنی اپنے ہمارا ہماری ہمارے تمہارا تمہاری تمہارے "
    "گا گی گے رہا رہی رہے ہوا ہوئی ہوئے گیا گئی گئے لیے",
    "fa": "که را از است این آن با در تو ما نیست هر بر چه می او ای اگر شد بود چون همه "
    "آنکه ایشان خود خواهد",
    "ar": "في على إلى من لا ما أن إن هذا هذه الذي التي يا قد عن كان كل هو هي أنا أنت "
    "مع ثم حتى لم لن ليس بل الى ان انا انت او أو لي لك له",
    "ps": "د په چې دی ده زه ته له سره نه یې دا هم کړي کې شي مې دې ستا زما",
    # Hebrew, Ethiopic
    "he": "את של על לא הוא היא אני אתה כל אם גם זה מה כי לי לך לו עוד רק אין יש אותי "
    "אותך שלי שלך הזה",
    "am": "ነው እና ላይ ወደ እንደ እኔ አንተ አንቺ ግን ሁሉ ውስጥ አለ የለም ሆነ ነበር ምን ማን ያለ ዛሬ",
    # Cyrillic
    "ru": "и в не на что я ты он она мы вы как это но все всё меня тебя мне тебе мой "
    "моя твой твоя его её по из за от для был была когда если где только",
    "uk": "і в у не на що я ти він вона ми ви як це але все мене тебе мені тобі мій "
    "моя твій твоя його її по із з за від для був була коли якщо де тільки та й до",
    "be": "і ў у не на што я ты ён яна мы вы як гэта але усё мяне цябе мне табе мой "
    "мая твой твая яго яе па з за ад для быў была калі дзе толькі",
    "bg": "и в не на че аз ти той тя ние вие как това но ме те ми мой моя твой твоя го "
    "я по из за от беше когато ако къде само да се си са съм със ще",
    "sr": "и у не на да је сам си се ја ти он она ми ви како то али све ме те мој моја "
    "твој твоја га по из за од кад ако где само су што ћу ћеш нема",
    "mk": "и во не на што јас ти тој таа ние вие како тоа но ме те ми мој моја твој "
    "твоја го по од за кога ако каде само да се си ќе нема сум",
    # Latin
    "en": "the and of you my with that for it not your this but are from all when will "
    "they was have what can we our by on at she his her there where like just know "
    "were had who them their i m don t s ll re ve out over away never ever every again "
    "some would could should been did how why than then because if still through into "
    "only an any before after until",
    "es": "que el los las una por con pero del está están muy más yo eres soy es y en "
    "un tus mis lo te al cuando porque sin quiero como su sus para ha",
    "pt": "que não uma você meu minha seu sua com para eu os as é em um por mas quando "
    "está mais nos teu tua ao à do da dos das sem quero como sou foi ele",
    "fr": "les des est pas qui vous nous une dans pour que mon ma mes ton sur avec et "
    "du je il elle au aux ce cette mais plus comme tout suis toi moi c j l d n",
    "it": "che il di non un una per mi ti sono nel della con gli è più del al dei "
    "delle io lo come ma sei quando mio mia tuo tua ho hai nella alla",
    "de": "der die das und ich du nicht ist ein eine mein mich dich mir dir auf den "
    "dem zu mit wir sie er es wie von für im bin bist was wenn dein meine deine ihr",
    "nl": "het een de van ik je niet is en dat mijn met op voor zijn maar er ben bent "
    "wat als jij mij jou naar nog ook zo wij hem",
    "tl": "ng ay nang kung siya kaniyang kanyang aking iyong niya ito hindi ako ikaw "
    "akin iyo natin atin sila kanila kayo walang wala mong kong siyang sapagka "
    "sapagkat nasa nguni ngunit ang mga",
    "tr": "bir ve bu için ben sen gibi değil çok yok ne her daha beni seni bana sana "
    "olan kadar benim senin ama hiç var ya da ey onun onu o",
    "vi": "và là của không tôi em anh một trong người có cho đã những với ta như lòng "
    "hãy đời tình ơi các sẽ được mà",
    "pl": "się nie na jest w z to że jak mnie ja ty do co ale gdy już tak po mój moje "
    "twój twoja jego od za który są będzie ciebie ich dla",
    "sw": "ya wa kwa katika yangu yako wangu wako mimi wewe na ni si la za hii hiyo "
    "yake wake sana nami nawe kama yote wote",
    "hu": "a az és nem hogy egy te csak mint ez meg van én el de ha már még nincs vagy "
    "volt mert ne engem neked nekem",
    "ro": "și şi nu de în un o ce mai cu pe să din este sunt eu tu mă la îmi a al ai "
    "când dar ca e se va lui lor cei îți",
    "sv": "och att jag det är inte som på en ett för med dig mig du har när i den vi "
    "till av om så var vill min din han",
    "cs": "je se na to že jsem jsi ale jako když už jen mě ti a v s z do tě co by není "
    "můj moje tvůj tvá jak za po kde",
    "fi": "ja on ei se että kun niin minä sinä mun sun ole kuin mutta vaan en oon mä "
    "sä hän me te olen olet jos vain mua sua",
    # Han, of which every character counts as a word.
    "zh": "的 了 你 们 們 这 這 吗 嗎 她 就 都 妳 哪 呢 吧 啊",
}
_TELLING = {
    "sa": "[\u0903\u094d]$|\u093d",
    "mr": "\u091a\u094d\u092f\u093e$|\u0933",
    "as": "[\u09f0\u09f1]",
    "bn": "\u09b0",
    "ar": "^[\u0648\u0628\u0641\u0643]?\u0627\u0644..",
    "ps": "[\u069a\u0696\u0681\u0685\u06d0\u06cd]",
    "uk": "[іїєґ]",
    "be": "ў",
    "sr": "[ђћљњџј]",
    "mk": "[ѓќѕ]",
    "tr": "[ğı]",
    "pl": "[ąęłńśźż]|[cs]z",
    "vi": "[đơưạảấầẩậắằặẹẻẽếềểệịỉọỏốồổộớờởợụủứừửựỳỵỷỹ]",
}
_SINDHI = "\u067b\u067d\u0680\u0684\u06bb"
_CYRILLIC_ELSEWHERE = "ђћљњџјѓќѕәғқңөұүһӯӣҷҳҙҡҫ"
_FOREIGN = {
    "hi": "[\u0933\u0903\u093d]|\u094d$",
    "mr": "[\u0903\u093d]",
    "bn": "[\u09f0\u09f1]",
    "as": "\u09b0",
    "ur": f"[{_SINDHI}\u069a\u0681\u0685]",
    "fa": f"[{_SINDHI}\u0679\u0688\u0691\u06ba\u06d2]",
    "ar": f"[{_SINDHI}\u0679\u0688\u0691\u06ba\u06d2\u067e\u0686\u06af]",
    "ru": f"[іїєґў{_CYRILLIC_ELSEWHERE}]",
    "uk": f"[ыэъёў{_CYRILLIC_ELSEWHERE}]",
    "be": f"[иъщїєґ{_CYRILLIC_ELSEWHERE}]",
    "bg": f"[ыэёіїєґў{_CYRILLIC_ELSEWHERE}]",
    "sr": "[ыэёіїєґўъьщяюйѓќѕәғқңөұүһ]",
    "mk": "[ыэёіїєґўъьщяюйђћәғқңөұүһ]",
    "zh": "[嘅係唔咗佢冇嗰喺]",
}
# Letters beside a to z; a word with any other is foreign.
_LATIN_LETTERS = {
    "en": "",
    "es": "áéíñóúü",
    "pt": "àáâãçéêíóôõúü",
    "fr": "àâæçèéêëîïôœùûüÿ",
    "it": "àèéìíîòóù",
    "de": "äöüß",
    "nl": "áèéëïóöü",
    "tl": "ñ",
    "tr": "âçğıîöşüû\u0307",
    "vi": "àáâãèéêìíòóôõùúýăđĩũơư\u1ea0-\u1ef9",
    "pl": "ąćęłńóśźż",
    "sw": "",
    "hu": "áéíóöőúüű",
    "ro": "ăâîșşțţ",
    "sv": "äåéö",
    "cs": "áčďéěíňóřšťúůýž",
    "fi": "äåö",
}

# Scripts that several languages share, and whose languages can be told apart here.
LANGUAGES_OF_SCRIPT = {
    "Deva": ("hi", "mr", "ne", "sa"),
    "Beng": ("as", "bn"),
    "Arab": ("ar", "fa", "ps", "ur"),
    "Hebr": ("he",),
    "Ethi": ("am",),
    "Cyrl": ("be", "bg", "mk", "ru", "sr", "uk"),
    "Latn": tuple(sorted(_LATIN_LETTERS)),
    "Hani": ("zh",),
}


@functools.cache
def language_profile(language: str) -> LanguageProfile:
    """Returns the profile of a language that `LANGUAGES_OF_SCRIPT` names."""
    foreign = _FOREIGN.get(language)
    if language in _LATIN_LETTERS:
        foreign = f"[^a-z0-9{_LATIN_LETTERS[language]}]"
    telling = _TELLING.get(language)
    return LanguageProfile(
        words=frozenset(plain_words(_WORDS[language])),
        telling=regex.compile(telling) if telling else None,
        foreign=regex.compile(foreign) if foreign else None,
    )


def plain_words(text: str) -> list[str]:
    """Returns the runs of letters in which languages are told apart.

    Unlike the words that people count, they end at apostrophes: French `l'eau` holds
    the small word `l`.
    """
    text = unicodedata.normalize("NFKC", _INSIDE.sub("", text).casefold())
    return _WORD.findall(text)
