"""Writes the songs of our own: a few dozen short ones for tests and examples.

    python scripts/own_songs.py [--out FILE]

The songs below were written for this project and are given to the public domain
(CC0-1.0). They are about everyday things and have what the old collections lack:
modern section labels, refrains, vocables, backing vocals in parentheses, elision
apostrophes, idioms, code-mixing. Writing them twice gives the same records.
"""

import argparse
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from build_corpus import write_collection

from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.own_songs import own_songs_path

# Native section labels -> the names that `preprocessing/cleaning/labels.py` gives them.
LABELS = {
    **{"मुखड़ा": "chorus", "अंतरा": "verse"},
    **{"ਸਥਾਈ": "sthayi", "ਅੰਤਰਾ": "verse"},
    **{"স্থায়ী": "sthayi", "অন্তরা": "antara"},
    **{"பல்லவி": "pallavi", "சரணம்": "charanam"},
    **{"పల్లవి": "pallavi", "చరణం": "charanam"},
    **{"ध्रुपद": "refrain", "कडवे": "verse"},
    **{"مکھڑا": "chorus", "انترا": "verse"},
    **{"Chorus": "chorus", "Verse": "verse", "Bridge": "bridge", "Outro": "outro"},
}

# A song begins with "== id | language | script | title | English title". Below it
# stand, where there are any, idioms (which mean more than their words), vocables
# (which mean nothing) and the languages that are mixed; then stanzas, each under
# its label. "…" repeats the stanza that had the same label before.
SHEET = """
== hi-boonden | hi | Deva | बूँदें आईं | The drops have come
idioms: चार चाँद लगाए
vocables: ला ला ला
[मुखड़ा]
टप-टप टप-टप बूँदें आईं
छत पर किसने धुन बजाई
(ला ला ला, बूँदें आईं)
[अंतरा]
गीली मिट्टी महक रही है
नीम पे चिड़िया चहक रही है
अदरक वाली चाय जो आए
शाम में चार चाँद लगाए
[मुखड़ा]
…

== hi-raat-ki-rel | hi | Deva | रात की रेल | The night train
vocables: हो हो
[अंतरा 1]
धीरे-धीरे रेल चली है
सोई-सोई एक गली है
खिड़की पर मेरा सिर टिका है
चाँद भी मेरे साथ चला है
[मुखड़ा]
घर अब दूर नहीं
घर अब दूर नहीं
(हो हो, दूर नहीं)
[अंतरा 2]
स्टेशन-स्टेशन चाय की प्याली
पटरी के संग खेत हैं खाली
माँ ने घर में दिया जलाया
"कब आओगे?" फ़ोन मिलाया
[मुखड़ा]
…

== hi-imtihan | hi | Deva | कल इम्तिहान है | Tomorrow is the exam
idioms: नौ दो ग्यारह; रात-दिन एक
[अंतरा]
कल मेरा इम्तिहान है
बस्ता भी हैरान है
सारे सवाल आँखों में सो गए
उत्तर सब नौ दो ग्यारह हो गए
[मुखड़ा]
पढ़ ले रे, पढ़ ले रे
(पढ़ ले, पढ़ ले)
रात-दिन एक कर ले रे

== hi-bahna | hi | Deva | छोटी बहना | Little sister
idioms: आँखों का तारा
[मुखड़ा]
तू है मेरी आँखों का तारा
तुझसे है घर में उजियारा
[अंतरा]
गुड़िया को तू गीत सुनाए
सारे घर को संग नचाए
रूठे तो फिर कौन मनाए?
तू हँस दे तो दिन खिल जाए
[मुखड़ा]
…

== hi-nukkad | hi | Deva | नुक्कड़ की चाय | Tea at the corner
[मुखड़ा]
चल यार, फिर मिलते हैं
(चल यार, चल यार)
गलियों में फिर चलते हैं
[अंतरा 1]
वो नुक्कड़, वो चाय की दुकान
वो शाम, वो छोटे-से अरमान
[अंतरा 2]
तेरी हँसी, वो मेरी बात
यूँ ही कटती थी आधी रात
[मुखड़ा]
…

== pa-chah | pa | Guru | ਚਾਹ ਦਾ ਕੱਪ | A cup of tea
vocables: ਹੋਏ ਹੋਏ
[ਸਥਾਈ]
ਚਾਹ ਦਾ ਕੱਪ ਤੇ ਤੇਰੀਆਂ ਗੱਲਾਂ
ਸ਼ਾਮ ਸੁਨਹਿਰੀ, ਠੰਢੀਆਂ ਛੱਲਾਂ
(ਹੋਏ ਹੋਏ, ਤੇਰੀਆਂ ਗੱਲਾਂ)
[ਅੰਤਰਾ]
ਵਿਹੜੇ 'ਚ ਬੈਠੇ ਯਾਰ ਪੁਰਾਣੇ
ਗਾਉਂਦੇ ਨੇ ਸਾਰੇ ਗੀਤ ਸੁਹਾਣੇ
ਮੰਜੀ 'ਤੇ ਬਹਿ ਕੇ ਹੱਸੀਏ ਗਾਈਏ
ਨਿੱਕੀਆਂ ਗੱਲਾਂ ਭੁੱਲ ਨਾ ਜਾਈਏ
[ਸਥਾਈ]
…

== pa-kanak | pa | Guru | ਕਣਕਾਂ ਪੱਕੀਆਂ | The wheat is ripe
vocables: ਬੱਲੇ ਬੱਲੇ
[ਅੰਤਰਾ]
ਕਣਕਾਂ ਹੋਈਆਂ ਸੁਨਹਿਰੀ ਵੇ
ਛਾਂ ਮਿਲ ਜਾਵੇ ਦੁਪਹਿਰੀ ਵੇ
ਢੋਲ ਵੱਜਦਾ ਪਿੰਡ ਦੇ ਵਿੱਚ
ਖ਼ੁਸ਼ੀਆਂ ਨੱਚਣ ਹਰ ਦਿਲ ਵਿੱਚ
[ਸਥਾਈ]
ਬੱਲੇ ਬੱਲੇ, ਕਣਕਾਂ ਪੱਕੀਆਂ
(ਬੱਲੇ ਬੱਲੇ, ਬੱਲੇ ਬੱਲੇ)
ਸੱਧਰਾਂ ਦਿਲ 'ਚ ਸਾਂਭ ਕੇ ਰੱਖੀਆਂ

== pa-dariya | pa | Guru | ਦਰਿਆ | The river
vocables: ਹੋ
[ਸਥਾਈ]
ਵਗਦਾ ਜਾਵੇ ਦਰਿਆ
(ਹੋ, ਦਰਿਆ)
ਗਾਉਂਦਾ ਜਾਵੇ ਦਰਿਆ
[ਅੰਤਰਾ 1]
ਪੱਥਰਾਂ ਨਾਲ ਨਾ ਲੜਦਾ
ਰਾਹ ਵਿੱਚ ਕਿਤੇ ਨਾ ਖੜ੍ਹਦਾ
[ਅੰਤਰਾ 2]
ਬੇੜੀ ਵਾਲਾ ਗੀਤ ਸੁਣਾਵੇ
ਪਾਰ ਦਾ ਪਿੰਡ ਵੀ ਨੇੜੇ ਆਵੇ
[ਸਥਾਈ]
…

== pa-aakhri-bus | pa | Guru | ਆਖ਼ਰੀ ਬੱਸ | The last bus
[ਅੰਤਰਾ]
ਆਖ਼ਰੀ ਬੱਸ ਵੀ ਲੰਘ ਗਈ
ਸ਼ਾਮ ਅਸਮਾਨ ਨੂੰ ਰੰਗ ਗਈ
ਯਾਰ ਖੜ੍ਹੇ ਨੇ ਅੱਡੇ 'ਤੇ
ਬੈਠਾਂਗੇ ਹੁਣ ਗੱਡੇ 'ਤੇ
[ਸਥਾਈ]
ਤੁਰ ਪਈਏ, ਤੁਰ ਪਈਏ
(ਚੱਲ ਯਾਰਾ, ਤੁਰ ਪਈਏ)
ਗੀਤ ਕੋਈ ਗਾ ਲਈਏ

== pa-siaal | pa | Guru | ਸਿਆਲ ਦੀ ਧੁੱਪ | Winter sunshine
idioms: ਅੱਖਾਂ ਦਾ ਤਾਰਾ
vocables: ਆਹਾ
[ਅੰਤਰਾ]
ਕੋਠੇ ਉੱਤੇ ਧੁੱਪ ਸਿਆਲ ਦੀ
ਦਾਦੀ ਬੈਠੀ ਊਨ ਸੰਭਾਲਦੀ
ਕਹਿੰਦੀ, ਤੂੰ ਹੈਂ ਮੇਰਾ ਸਹਾਰਾ
ਕਹਿੰਦੀ, ਤੂੰ ਅੱਖਾਂ ਦਾ ਤਾਰਾ
[ਸਥਾਈ]
ਨਿੱਘੀ ਨਿੱਘੀ ਧੁੱਪ
(ਆਹਾ, ਧੁੱਪ)
ਮਿੱਠੀ ਮਿੱਠੀ ਚੁੱਪ

== bn-nouka | bn | Beng | নৌকা | The boat
vocables: হেঁইও হো
[স্থায়ী]
নদীর বুকে নৌকা চলে
ঢেউয়ের কানে কথা বলে
(হেঁইও হো, হেঁইও হো)
[অন্তরা]
ওপারেতে সবুজ গ্রাম
এপারেতে কাঁঠাল আম
মাঝি ভাই, ধীরে চলো
গানের সুরে গল্প বলো
[স্থায়ী]
…

== bn-brishti | bn | Beng | বৃষ্টি নামবে | It will rain
vocables: ঝিরি ঝিরি
[স্থায়ী]
বৃষ্টি নামবে ব'লে
জানালা রেখেছি খুলে
(ঝিরি ঝিরি, ঝিরি ঝিরি)
[অন্তরা]
কাগজের নৌকা ভাসে
উঠোনে শালিক আসে
ভেজা মাটির গন্ধ মেখে
মন যে আমার উঠল জেগে
[স্থায়ী]
…

== bn-cha | bn | Beng | চায়ের দোকান | The tea stall
idioms: চাঁদের হাট
vocables: আহা
[অন্তরা]
মোড়ের মাথায় চায়ের দোকান
সন্ধে হলেই জমে গান
ধোঁয়া ওঠা ভাঁড়ের চা
আর একটু তুই থেকে যা
[স্থায়ী]
আজ বসেছে চাঁদের হাট
(আহা, চাঁদের হাট)
গল্পে ভরা নদীর ঘাট

== bn-porikkha | bn | Beng | পরীক্ষার আগে | Before the exam
idioms: সর্ষে ফুল
[অন্তরা]
কাল সকালে অঙ্ক আছে
বইটা রাখা হাতের কাছে
চোখে দেখি সর্ষে ফুল
যোগ বিয়োগে শুধু ভুল
[স্থায়ী]
পাশ করব, পাশ করব
(করব করব, পাশ করব)
কাল থেকে রোজ আমি পড়ব

== ta-thooral | ta | Taml | தூறல் | Drizzle
vocables: தன்னானே
[பல்லவி]
தூறல் ஒன்று வந்தது
தூரம் எல்லாம் நனைந்தது
(தன்னானே தன்னானே)
[சரணம்]
வாசல் எங்கும் நீரின் ஓட்டம்
வானில் மேகம் போடும் ஆட்டம்
குடையை மறந்து நனைவோம் நாம்
குளிரும் காற்றில் பாடுவோம் நாம்
[பல்லவி]
…

== ta-iravu-rayil | ta | Taml | இரவு ரயில் | Night train
[சரணம் 1]
இரவு ரயில் போகுது
இருளில் பாடல் கேட்குது
ஜன்னல் ஓரம் நானிருந்தேன்
நிலவைக் கூட வரச் சொன்னேன்
[பல்லவி]
ஊர்ப் பக்கம் வந்தாச்சு
(வந்தாச்சு, வந்தாச்சு)
உள்ளம் எல்லாம் பூவாச்சு
[சரணம் 2]
அம்மா வாசலில் நிற்கிறாள்
அன்பாய்க் கையை அசைக்கிறாள்
[பல்லவி]
…

== ta-nanba | ta | Taml | நண்பா | Friend
idioms: உள்ளங்கை நெல்லிக்கனி
vocables: ஓஹோ
[பல்லவி]
நண்பா நண்பா, நீ வா வா
நடந்தே பேசலாம், நீ வா வா
(ஓஹோ ஓஹோ)
[சரணம்]
உன் மனம் எனக்குத் தெரியும்
உள்ளங்கை நெல்லிக்கனி போலே
சண்டை எல்லாம் மறந்து போகும்
சாயங்காலக் காற்று போலே
[பல்லவி]
…

== ta-aaru | ta | Taml | ஆறு | River
[சரணம்]
ஆறே ஆறே, எங்கே போகிறாய்?
கல்லும் முள்ளும் தாண்டிப் போகிறாய்
கடலைக் காண ஆசையா?
களைப்பே இல்லா ஓசையா?
[பல்லவி]
ஓடு ஓடு, நில்லாமல் ஓடு
(சலசலவென ஓடு)
பாடு பாடு, என்னோடு பாடு

== te-vaana | te | Telu | వాన | Rain
vocables: తననన
[పల్లవి]
వాన వచ్చింది చల్లగా
వాకిలి తడిసింది మెల్లగా
(తననన తననన)
[చరణం]
మట్టి వాసన మనసు నింపింది
మబ్బుల మధ్య మెరుపు నవ్వింది
వేడి టీ కప్పు చేతిలో ఉంది
నీతో కబురు మిగిలే ఉంది
[పల్లవి]
…

== te-raatri-railu | te | Telu | రాత్రి రైలు | Night train
[చరణం]
రాత్రి రైలు కదిలింది
రాగం ఒకటి మొదలైంది
కిటికీ పక్కన కూర్చున్నా
చందమామతో వస్తున్నా
[పల్లవి]
ఊరు దగ్గర పడుతోంది
(పడుతోంది, పడుతోంది)
ఉల్లాసం పెరుగుతోంది

== te-nestam | te | Telu | నేస్తం | Friend
idioms: కంటికి రెప్పలా
[పల్లవి]
నువ్వే నా నేస్తం
(నేస్తం, నేస్తం)
నీతోనే సంతోషం
[చరణం]
కంటికి రెప్పలా కాచావు
కష్టంలో తోడు నిలిచావు
చిన్న మాటకే నవ్వావు
చెట్టు నీడలా ఉన్నావు
[పల్లవి]
…

== te-pariksha | te | Telu | పరీక్ష | The exam
[చరణం]
రేపు ఉదయం పరీక్ష
రాత్రంతా నాకు శిక్ష
పుస్తకం తెరిచి చూశాను
సగం పాఠం మరిచాను
[పల్లవి]
చదువు చదువు, చదవాలి
(చదవాలి, చదవాలి)
రేపు మనమే గెలవాలి

== mr-paus | mr | Deva | पाऊस | Rain
vocables: रिमझिम रिमझिम
[ध्रुपद]
दऱ्याखोऱ्यांत पाऊस आला
माळ सारा हिरवा झाला
(रिमझिम रिमझिम)
[कडवे]
छत्री विसरून भिजलो आम्ही
शाळेत उशिरा पोचलो आम्ही
मातीचा हा सुगंध छान
पाण्यात नाचे पान न पान
[ध्रुपद]
…

== mr-chaha | mr | Deva | आल्याचा चहा | Ginger tea
[कडवे]
आल्याचा चहा उकळत आहे
वाफेत सकाळ दरवळत आहे
दारात पेपर, हातात कप
गप्पांना मग नाही माप
[ध्रुपद]
अजून एक कप, थोडा थांब
(थांब ना, थांब)
दिवस अजून आहे लांब

== mr-lokal | mr | Deva | शेवटची लोकल | The last local train
vocables: हो हो
[कडवे 1]
शेवटची लोकल सुटली रे
झोप डोळ्यांत दाटली रे
[ध्रुपद]
चल घरी, चल घरी
(हो हो, चल घरी)
वाट पाहते कुणी तरी
[कडवे 2]
खिडकीत वारा गातो गाणी
दूर चमकते खाडीचे पाणी
[ध्रुपद]
…

== mr-maitri | mr | Deva | मैत्री | Friendship
idioms: डोळ्यांत तेल घालून
vocables: ला ला ला
[ध्रुपद]
तू माझा मित्र, मी तुझा मित्र
एकाच पाटीवर काढू चित्र
(ला ला ला, मित्र)
[कडवे]
परीक्षेच्या आदल्या रात्री
डोळ्यांत तेल घालून जागलो
चुकलेले एक गणित सोडवत
पहाटेपर्यंत आपण हसलो
[ध्रुपद]
…

== ur-dastak | ur | Arab | بوندوں کی دستک | The knock of raindrops
vocables: لا لا لا
[مکھڑا]
بوندوں نے آ کر دستک دی
کھڑکی نے بھی دعوت دی
(لا لا لا، دعوت دی)
[انترا]
بھیگ گئی ہے ساری گلی
پھول کھلے ہیں کلی کلی
چائے رکھو، دوست بلاؤ
گیت پرانا پھر سے گاؤ
[مکھڑا]
…

== ur-khat | ur | Arab | پرانا خط | An old letter
[انترا]
الماری سے اک خط نکلا
لفظوں میں اپنا گھر نکلا
نیلی سی وہ سیاہی تھی
دادی کی وہ لکھائی تھی
[مکھڑا]
پڑھتا ہوں، پھر پڑھتا ہوں
(پھر پڑھتا ہوں)
یادوں میں پھر چلتا ہوں

== ur-safar | ur | Arab | سفر | The journey
vocables: ہو ہو
[انترا]
ریل چلی ہے شام ڈھلے
دور کہیں اک دیپ جلے
ساتھ میں بیٹھا اک انجان
باتوں میں بن گیا مہمان
[مکھڑا]
اے سفر، اے سفر
(ہو ہو، اے سفر)
لے چل مجھ کو میرے گھر

== ur-parcha | ur | Arab | کل کا پرچہ | Tomorrow's paper
idioms: نو دو گیارہ
[انترا]
کل ہے میرا پرچہ سارا
نیند ہوئی ہے نو دو گیارہ
کون سا سبق، کون سی بات؟
جاگ کے کاٹی ساری رات۔
[مکھڑا]
پڑھ لو یارو، پڑھ لو آج
(پڑھ لو، پڑھ لو)
کل پھر ہو گا کھیل کا راج

== en-paper-boats | en | Latn | Paper Boats | Paper Boats
[Verse 1]
Rain on the tin roof, rain in the lane
We fold our old homework to sail it again
Somebody's callin', the kettle's on high
'Cause nobody's boat was meant to stay dry
[Chorus]
Float on, little paper boat
(float on, float on)
Float on, little paper boat
[Verse 2]
Round by the baker and under the gate
Nobody's hurryin', nobody's late
[Chorus]
…

== en-slow-train | en | Latn | Slow Train Home | Slow Train Home
vocables: ooh
[Verse 1]
Am I the last one awake in this car?
The window is holding a single star
[Chorus]
Slow train, roll me home
Slow train, roll me home
(ooh, roll me home)
[Bridge]
Every little station knows my name
Every little platform feels the same
[Chorus]
…

== en-kettle | en | Latn | Kettle Song | Kettle Song
idioms: storm in a teacup
vocables: na na na
[Verse]
You said it was over, I said it was fine
You poured out your cup and you filled up mine
It was only a storm in a teacup, dear
An' the kettle's still singin' for all to hear
[Chorus]
Na na na, the kettle sings
(na na na)
Na na na, what the mornin' brings

== en-midnight | en | Latn | Midnight Oil | Midnight Oil
idioms: burn the midnight oil
[Verse]
Seven more chapters an' only one night
A desk an' a clock an' a yellow light
[Chorus]
So we burn the midnight oil
(burn it, burn it)
We burn the midnight oil
[Outro]
Mornin' comes tappin' with chalk on the board
We wrote what we knew, an' we smiled when it poured

== hi-deadline | hi | Deva | कल deadline है | Deadline tomorrow
code_mixed: hi; en
[Verse]
कल है मेरी deadline, भाई
Laptop ने भी ली जम्हाई
Coffee पे coffee चलती जाए
Code मगर ये चल ना पाए
[Chorus]
Oh no, oh no, कल deadline है
(oh no, oh no)
फिर भी बोलूँ, सब fine है

== hi-latn-wifi | hi-Latn | Latn | WiFi slow hai | The WiFi is slow
code_mixed: hi; en
[Verse]
Ghar ka WiFi slow hai yaar
Call kat gayi phir ek baar
Chhat pe thoda signal aaya
Dost ka tab message aaya
[Chorus]
Reload, reload, phir se try
(try, try)
Thoda signal de de bhai

== pa-highway | pa | Guru | ਦਿਲ highway 'ਤੇ | Heart on the highway
code_mixed: pa; en
[Verse]
ਦਿਲ ਸਾਡਾ highway 'ਤੇ
ਗੱਡੀ ਚੱਲੇ my way 'ਤੇ
Playlist 'ਚ ਗਾਣੇ ਚਾਰ
Window ਖੋਲ੍ਹ ਕੇ ਗਾਉਂਦੇ ਯਾਰ
[Chorus]
Let's go, let's go, ਚੱਲ ਮੇਰੇ ਯਾਰ
(let's go, let's go)
ਅੱਜ ਹੈ Sunday, ਛੁੱਟੀ ਦਾ ਵਾਰ

== pa-latn-hostel | pa-Latn | Latn | Hostel di chah | Hostel tea
code_mixed: pa; en
[Verse]
Hostel di chah te exam di raat
Muk gaye notes par mukki na baat
Alarm vajje te koi na utthe
Roommate saare so gaye putthe
[Chorus]
Chak lai book, chak lai pen
(chak lai, chak lai)
Kal hai paper, count to ten

== ta-semester | ta | Taml | Semester லீவு | Semester holidays
code_mixed: ta; en
[Verse]
Semester லீவு வந்தாச்சு
Hostel கதவு பூட்டியாச்சு
Window seat-ல நானிருக்கேன்
Super-ஆ பாட்டு கேட்டிருக்கேன்
[Chorus]
Bye bye, bye bye, class-க்கு bye
(bye bye, bye bye)
அம்மா சமையல், oh my my

== ta-latn-cricket | ta-Latn | Latn | Theru cricket | Street cricket
code_mixed: ta; en
[Verse]
Theruvula cricket, evening time
Tennis ball-oda playing time
Sixer adicha jannal odaiyum
Ellarum odi poi olinjukkuvom
[Chorus]
Machi, odi vaa
(odi vaa, odi vaa)
Innum oru over, bat-a thaa
"""


def read_sheet(sheet: str) -> Iterator[LyricRecord]:
    """Reads songs from a sheet as this file holds it.

    Raises:
        ValueError: If a song has no label where one must stand, or one that is
            not in `LABELS`.
    """
    for block in unicodedata.normalize("NFC", sheet).split("\n== ")[1:]:
        heading, *rows = block.strip().split("\n")
        yield _song(heading.removeprefix("== "), rows)


def _song(heading: str, rows: list[str]) -> LyricRecord:
    name, language, script, title, english = heading.split(" | ")
    metadata: dict[str, Any] = {"title_en": english}
    while rows and not rows[0].startswith("["):
        key, _, words = rows.pop(0).partition(": ")
        metadata[key] = words.split("; ")
    labels, stanzas = _stanzas(rows)
    metadata["section_labels"] = labels
    metadata["sections"] = [_canonical(label) for label in labels]
    lines = [line for stanza in stanzas for line in ("", *stanza)][1:]
    return LyricRecord(
        id=f"own-{name}",
        lines=tuple(lines),
        title=title,
        author="The gemma_keras_ft authors",
        language=language,
        script=script,
        style="lyrical",
        era="2020s",
        source="written for gemma_keras_ft",
        license="CC0-1.0",
        contributor="The gemma_keras_ft authors",
        consent="Given to the public domain by those who wrote it.",
        metadata=metadata,
    )


def _stanzas(rows: list[str]) -> tuple[list[str], list[list[str]]]:
    labels: list[str] = []
    stanzas: list[list[str]] = []
    for row in rows:
        if row.startswith("["):
            labels.append(row.strip("[]"))
            stanzas.append([])
        elif row == "…":
            stanzas[-1] = stanzas[labels.index(labels[-1])]
        elif row:
            stanzas[-1].append(row)
    return labels, stanzas


def _canonical(label: str) -> str:
    word, _, number = label.partition(" ")
    if word not in LABELS:
        raise ValueError(
            f"A label must be one of {sorted(LABELS)}. Received: {label!r}. "
            "Add it to LABELS."
        )
    return f"{LABELS[word]} {number}".rstrip()


def main() -> None:
    """Writes the songs from the command line."""
    parser = argparse.ArgumentParser(description="Write the songs of our own.")
    parser.add_argument("--out", type=Path, default=own_songs_path())
    arguments = parser.parse_args()
    songs = list(read_sheet(SHEET))
    size = write_collection(arguments.out, songs)
    print(f"{len(songs)} songs, {size} bytes: {arguments.out}")


if __name__ == "__main__":
    main()
