"""Words that people type otherwise than the rules of `readable` would.

Compounds, whose parts no rule sees; words from Persian, Arabic and English; names
with a fixed spelling. To correct a word, add it here: native form, then what people
type, in NFC and lower case.
"""

import functools
import unicodedata
from collections.abc import Mapping

_WORDS = {
    "hi": """
        यह yeh  ये ye  वह woh  वो wo  में mein  कुछ kuch  हम hum  माँ maa  मां maa  पाँव paon
        इश्क ishq  इश्क़ ishq  वक्त waqt  वक़्त waqt  सब्र sabr  क़ब्र qabr  कब्र kabr
        फ़िक्र fikr  फिक्र fikr  ज़िक्र zikr  जिक्र zikr  उम्र umr  शुक्र shukr  अक्ल akl
        शक्ल shakl  हुस्न husn  क़त्ल qatl  राम ram  श्याम shyam  सीता sita  गीता gita
        बेवफ़ा bewafa  बेवफा bewafa  बेखबर bekhabar  बेख़बर bekhabar  बेकरार bekarar
        बेक़रार beqarar  बेसबर besabar  बेकसूर bekasoor  बेनज़ीर benazeer  बेगम begum
        क्यूँ kyun  क्यूं kyun  क्यों kyon  हूँ hoon  हूं hoon  गुजरात gujarat
        हिमालय himalaya  भावनगर bhavnagar  रामनगर ramnagar  गांधीनगर gandhinagar
        शिवाजी shivaji  मुहब्बत muhabbat  महफ़िल mehfil  महफिल mehfil  फिर phir  फ़िर phir
        सिर्फ sirf  सिर्फ़ sirf  साफ saaf  साफ़ saaf  तरफ taraf  तरफ़ taraf  सफर safar
        वफा wafa  वफ़ा wafa  खफा khafa  ख़फ़ा khafa  मुसाफिर musafir  काफी kafi
        कॉलेज college  ऑफिस office  डॉक्टर doctor  भारतीय bharatiya  कश्मीर kashmir
        ज्ञान gyan  तस्वीर tasveer  सावन sawan  जीवन jeevan  शहर shehar  ज़हर zehar
        महक mehak  बहन behen  ब्रह्म brahm  ब्रह्मा brahma  अल्लाह allah  ख़ुदा khuda
        दिल्ली delhi  मुंबई mumbai  जन्नत jannat  शायरी shayari  हृदय hriday
    """,
    "pa": """
        ਪਿਆਰ pyaar  ਪਿਆਰਾ pyara  ਪਿਆਰੀ pyari  ਪੰਜਾਬ punjab  ਪੰਜਾਬੀ punjabi  ਸਤਿ sat
        ਵਾਹਿਗੁਰੂ waheguru  ਗੁਰੂ guru  ਇਸ਼ਕ ishq  ਅੰਮ੍ਰਿਤਸਰ amritsar  ਵਿਚ vich  ਵਿੱਚ vich
        ਕੁਝ kujh  ਇਹ eh  ਉਹ oh  ਵੇ ve  ਤੂੰ tu  ਸ੍ਰੀ sri  ਸ਼ਹਿਰ shehar  ਮਹਿਕ mehak
        ਗਿਆਨ gyan  ਨੱਚਣਾ nachna  ਕੱਲ੍ਹ kall  ਦੁਨੀਆਂ dunia  ਅੰਮ੍ਰਿਤ amrit
        ਜਲੰਧਰ jalandhar  ਗਿਆ gaya  ਕਿਹਾ keha  ਮਾਂ maa  ਪੁੱਤ putt  ਸਿੰਘ singh
    """,
    "gu": """
        હું hu  છું chhu  ગુજરાત gujarat  ગુજરાતી gujarati  મુંબઈ mumbai  જામનગર jamnagar
        ભાવનગર bhavnagar  ગાંધીનગર gandhinagar  અમદાવાદ amdavad  માં ma  કૉલેજ college
        જ્ઞાન gnan  વડોદરા vadodara  અને ane  પણ pan  કૃષ્ણ krishna  હૃદય hriday
    """,
    "mr": """
        काय kay  मुंबई mumbai  नाही nahi  नाहीं nahi  औरंगाबाद aurangabad  नागपूर nagpur
        कोल्हापूर kolhapur  सोलापूर solapur  राम ram  शिवाजी shivaji  माझं majha
        महाराष्ट्र maharashtra  कृष्ण krishna  अहमदनगर ahmednagar  बस bas
    """,
    "bn": """
        বড় boro  ছোট chhoto  ভাল bhalo  মত moto  কত koto  যত joto  এত eto  তত toto
        কেন keno  যেন jeno  কোন kon  তব tobo  মম momo  নব nobo  শত shoto  গত goto
        ছিল chhilo  গেল gelo  হল holo  এল elo  করল korlo  বলল bollo  দিল dilo  নিল nilo
        করব korbo  যাব jabo  বলব bolbo  দেব debo  থাকব thakbo  হব hobo  পাব pabo
        আসব ashbo  দেখব dekhbo  চলব cholbo  করত korto  হত hoto  বলত bolto  কাল kal
        আমরা amra  তোমরা tomra  ওরা ora  কলকাতা kolkata  লক্ষ্মী lokkhi  পাগলা pagla
        জানলা janla  ভারত bharot  ভারতে bharote  জগতে jogote  শরতে shorote
        নীরবে nirobe  শ্রী sri  রবীন্দ্রনাথ rabindranath  ঢাকা dhaka  সূর্য shurjo
        আষাঢ় asharh  কার্য karjo  ধৈর্য dhoirjo  আজ aj  স্বপ্ন shopno  বিশ্ব bishwo
    """,
    "ta": """
        தமிழ் thamizh  தமிழ்நாடு tamilnadu  சென்னை chennai  மதுரை madurai  சின்ன chinna
        கோவை kovai  திருநெல்வேலி tirunelveli  காஞ்சிபுரம் kanchipuram  சிவா siva
        தஞ்சாவூர் thanjavur  சிதம்பரம் chidambaram  ஸ்ரீ sri  இஃது ihdhu  பாபு babu
    """,
}


@functools.cache
def typed_words(language: str) -> Mapping[str, str]:
    """Returns native word -> what people type, for one BCP 47 primary language."""
    parts = _WORDS.get(language, "").split()
    native = [unicodedata.normalize("NFC", word) for word in parts[::2]]
    return dict(zip(native, parts[1::2], strict=True))
