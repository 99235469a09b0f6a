"""What stands where a song's words should be: "lyrics not available", and its like."""

import functools

import regex

from gemma_keras_ft.preprocessing.text.normalize import comparison_form

# Whole texts, by language, parted by bars. They are compared without case and
# punctuation, so that "[No lyrics!]" is one of them.
_ABSENT = {
    "en": "coming soon | n/a | none | null | tba | tbd | not available | unavailable | "
    "to be added | add lyrics | submit lyrics | add lyrics here | your lyrics here | "
    "lyrics here | insert lyrics here | lyrics go here | page not found | "
    "error 404 | 404 not found | access denied | missing lyrics | lyrics",
    "hi": "बोल उपलब्ध नहीं | बोल उपलब्ध नहीं हैं | गीत के बोल उपलब्ध नहीं हैं | "
    "गाने के बोल उपलब्ध नहीं हैं | इस गाने के बोल उपलब्ध नहीं हैं | "
    "लिरिक्स उपलब्ध नहीं है | लिरिक्स उपलब्ध नहीं हैं | बोल जल्द आएंगे | जल्द आ रहा है",
    "mr": "गाण्याचे बोल उपलब्ध नाहीत | गीताचे बोल उपलब्ध नाहीत | बोल उपलब्ध नाहीत",
    "ne": "गीतका शब्दहरू उपलब्ध छैनन् | गीतको बोल उपलब्ध छैन | शब्द उपलब्ध छैन",
    "bn": "গানের কথা পাওয়া যায়নি | গানের কথা উপলব্ধ নয় | লিরিক্স পাওয়া যায়নি | "
    "গানের কথা নেই | লিরিক্স নেই | গানের কথা শীঘ্রই আসছে",
    "as": "গীতৰ কথা উপলব্ধ নহয় | গীতৰ কথা পোৱা নগ'ল",
    "gu": "ગીતના શબ્દો ઉપલબ્ધ નથી | ગીતના બોલ ઉપલબ્ધ નથી | લિરિક્સ ઉપલબ્ધ નથી",
    "pa": "ਬੋਲ ਉਪਲਬਧ ਨਹੀਂ ਹਨ | ਗੀਤ ਦੇ ਬੋਲ ਉਪਲਬਧ ਨਹੀਂ ਹਨ | ਬੋਲ ਉਪਲਬਧ ਨਹੀਂ",
    "or": "ଗୀତର ଶବ୍ଦ ଉପଲବ୍ଧ ନାହିଁ | ଗୀତ ଉପଲବ୍ଧ ନାହିଁ",
    "ta": "பாடல் வரிகள் கிடைக்கவில்லை | பாடல் வரிகள் இல்லை | வரிகள் கிடைக்கவில்லை | "
    "பாடல் வரிகள் விரைவில்",
    "te": "సాహిత్యం అందుబాటులో లేదు | పాట సాహిత్యం అందుబాటులో లేదు | "
    "పాట లిరిక్స్ అందుబాటులో లేవు | లిరిక్స్ అందుబాటులో లేవు",
    "kn": "ಸಾಹಿತ್ಯ ಲಭ್ಯವಿಲ್ಲ | ಹಾಡಿನ ಸಾಹಿತ್ಯ ಲಭ್ಯವಿಲ್ಲ",
    "ml": "വരികൾ ലഭ്യമല്ല | പാട്ടിന്റെ വരികൾ ലഭ്യമല്ല | ഗാനത്തിന്റെ വരികൾ ലഭ്യമല്ല",
    "si": "ගීතයේ පද නොමැත | පද රචනය නොමැත",
    "ur": "بول دستیاب نہیں | بول دستیاب نہیں ہیں | گانے کے بول دستیاب نہیں ہیں",
    "ar": "الكلمات غير متوفرة | كلمات الأغنية غير متوفرة | لا توجد كلمات | غير متوفر",
    "fa": "متن ترانه موجود نیست | متن آهنگ موجود نیست | متن ترانه در دسترس نیست",
    "he": "אין מילים | המילים אינן זמינות | מילות השיר אינן זמינות",
    "tr": "şarkı sözü bulunamadı | şarkı sözleri bulunamadı | sözler mevcut değil",
    "ru": "текст песни отсутствует | текст отсутствует | слова отсутствуют | "
    "текст песни не найден | текст не найден | нет текста",
    "uk": "текст пісні відсутній | текст відсутній | текст пісні не знайдено",
    "es": "letra no disponible | letras no disponibles | letra no encontrada | "
    "la letra de esta canción no está disponible | sin letra",
    "pt": "letra não disponível | letra indisponível | letra não encontrada | "
    "sem letra",
    "fr": "paroles non disponibles | paroles indisponibles | pas de paroles | "
    "paroles introuvables | les paroles ne sont pas disponibles | sans paroles",
    "it": "testo non disponibile | testo non trovato | testo della canzone non trovato",
    "de": "songtext nicht verfügbar | liedtext nicht verfügbar | kein songtext | "
    "text nicht verfügbar | noch kein songtext vorhanden | kein text vorhanden",
    "nl": "songtekst niet beschikbaar | geen songtekst | geen tekst beschikbaar",
    "pl": "brak tekstu | tekst niedostępny | brak tekstu piosenki",
    "ro": "versuri indisponibile | versurile nu sunt disponibile",
    "el": "οι στίχοι δεν είναι διαθέσιμοι | δεν υπάρχουν στίχοι",
    "id": "lirik tidak tersedia | lirik lagu tidak tersedia | lirik belum tersedia | "
    "belum ada lirik | lirik tidak ditemukan",
    "tl": "walang lyrics | walang liriko | hindi available ang lyrics | "
    "wala pang lyrics",
    "sw": "hakuna maneno ya wimbo | maneno ya wimbo hayapatikani",
    "vi": "chưa có lời bài hát | lời bài hát chưa có | không có lời bài hát | "
    "đang cập nhật",
    "th": "ไม่มีเนื้อเพลง | ยังไม่มีเนื้อเพลง | ไม่พบเนื้อเพลง",
    "zh": "暂无歌词 | 暫無歌詞 | 没有歌词 | 沒有歌詞 | 无歌词 | 無歌詞 | 歌词缺失 | "
    "未找到歌词 | 找不到歌詞",
    "ja": "歌詞なし | 歌詞はありません | 歌詞が見つかりません | 歌詞準備中 | "
    "歌詞はまだありません",
    "ko": "가사 없음 | 가사가 없습니다 | 가사를 찾을 수 없습니다 | 가사 준비 중",
}
_INSTRUMENTAL = {
    "en": "instrumental | instrumental music | instrumental version | "
    "instrumental track | instrumental only | this is instrumental | "
    "purely instrumental | karaoke version | music only | no vocals",
    "de": "instrumentalstück | rein instrumental",
    "es": "instrumentales | canción instrumental | tema instrumental",
    "fr": "morceau instrumental | instrumentale",
    "it": "strumentale | brano strumentale",
    "ru": "инструментал | инструментальная композиция | музыка без слов",
    "hi": "वाद्य संगीत | केवल संगीत | इंस्ट्रूमेंटल",
    "bn": "যন্ত্রসঙ্গীত | ইন্সট্রুমেন্টাল",
    "ta": "இசைக்கருவி இசை | கருவி இசை",
    "ar": "موسيقى فقط | معزوفة موسيقية",
    "tr": "enstrümantal",
    "zh": "纯音乐 | 純音樂 | 纯音乐 请欣赏 | 純音樂 請欣賞 | "
    "此歌曲为没有填词的纯音乐 请您欣赏 | 请欣赏 | 请您欣赏",
    "ja": "インストゥルメンタル | インスト | インストゥルメンタル曲",
    "ko": "연주곡 | 이 곡은 연주곡입니다",
    "th": "เพลงบรรเลง | ดนตรีบรรเลง",
    "vi": "nhạc không lời | nhạc hòa tấu",
}
# English sentences that name a song or a reason, in the form of comparison.
_NOT = r"(?:not|not yet|currently not|not currently|no longer|un)"
_SENTENCE = regex.compile(
    r"(?:sorry )?(?:"
    r"(?:the )?(?:song )?lyrics (?:(?:for|of|to) .{1,60} )?(?:(?:are|is|were) )?"
    rf"(?:still |currently )?(?:{_NOT} ?(?:yet )?(?:available|found|added|here|known)"
    r"|missing|coming soon|to be added|tba|tbd|n a)"
    r"(?: (?:yet|here|at this time|right now|at the moment|due to .{1,60}))?"
    r"|(?:the )?lyrics will be (?:added|available|here|posted|up)(?: (?:very )?soon)?"
    r"|lyrics for .{1,60} have yet to be released.{0,100}"
    r"|no lyrics(?: (?:yet|available|found|here|for this song|have been added.{0,20}))*"
    r"|(?:unfortunately )?(?:we|i) (?:do not|don ?t|did not|didn ?t|currently don ?t|"
    r"could not|couldn ?t) (?:have|find) (?:the |any )?lyrics.{0,60}"
    r"|(?:unfortunately )?we (?:are not|aren ?t) (?:licensed|authorized|allowed) to "
    r"(?:display|show) .{1,80}"
    r"|please check back .{1,60}"
    r"|be the first to (?:add|submit|post) .{0,30}lyrics.{0,30}"
    r"|(?:the )?lyrics (?:were |have been )?removed .{1,80}"
    r"|(?:please )?(?:enable|turn on) (?:javascript|cookies) .{1,80}"
    r"|you must (?:log|sign) in to .{1,40}"
    r")"
)
_INSTRUMENTAL_SENTENCE = regex.compile(
    r"(?:this|it|this song|this track|the song) is (?:purely |just )?(?:an |a )?"
    r"instrumental(?: (?:song|track|piece|version|composition))?"
    r"|instrumental \p{N}+|\p{N}+ (?:bars?|min(?:ute)?s?) instrumental"
)
# No such sentence is longer, and a song is hardly shorter.
_MAXIMUM_LENGTH = 300


def kind_of_placeholder(text: str) -> str | None:
    """Returns `"placeholder"` or `"instrumental"` where that is all a text says.

    Example:
        in:   "[Instrumental]"
        out:  "instrumental"

    Returns:
        The kind, or None for a text that says anything else.
    """
    if len(text) > _MAXIMUM_LENGTH:
        return None
    form = comparison_form(text)
    if form in _forms()["instrumental"] or _INSTRUMENTAL_SENTENCE.fullmatch(form):
        return "instrumental"
    if form in _forms()["placeholder"] or _SENTENCE.fullmatch(form):
        return "placeholder"
    return None


@functools.cache
def _forms() -> dict[str, frozenset[str]]:
    tables = {"placeholder": _ABSENT, "instrumental": _INSTRUMENTAL}
    return {
        kind: frozenset(
            comparison_form(phrase)
            for phrases in table.values()
            for phrase in phrases.split("|")
        )
        for kind, table in tables.items()
    }
