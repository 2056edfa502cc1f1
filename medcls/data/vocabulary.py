"""The words by which folders, columns and labels are recognised, in the languages people keep their sets in.

A word that is missing here costs a question, never a wrong answer: what no word tells is asked, or kept together.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])")
_ASCII_SIGNS = re.compile(r"[^A-Za-z0-9]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(unicodedata.normalize("NFC", word).replace("~", " ").casefold() for word in text.split())


TRAIN = _words(
    "train training trains tr trn trainset trainingset traindata trainingdata trainimages 학습 훈련 학습용 훈련용 "
    "트레이닝 訓練 学習 訓練用 学習用 训练 訓練集 训练集 entrainement entraînement apprentissage entrenamiento treino "
    "treinamento addestramento trainieren обучение обучающая тренировка тренировочная تدريب التدريب eğitim"
)
VALIDATE = _words(
    "val valid validate validation vali dev development validationset valset valdata validationdata valimages 검증 "
    "검증용 밸리데이션 検証 検証用 验证 验证集 驗證 validación validacion validação validierung convalida валидация "
    "валидационная проверка تحقق التحقق doğrulama"
)
TEST = _words(
    "test testing tests testset testdata testimages holdout heldout eval evaluation 테스트 시험 평가 테스트용 시험용 "
    "평가용 テスト 試験 評価 测试 测试集 測試 prueba pruebas teste prova essai тест тестовая тестирование اختبار "
    "الاختبار"
)
SPLIT = _words("split splits")  # names parts as well as folds: a number under it is no fold
FOLD = SPLIT | _words("fold folds kfold cv 폴드 折 フォールド фолд falte pliegue")
SITE = _words(
    "site sites hospital hosp center centre clinic institution institute institut location vendor device scanner "
    "machine manufacturer source archive cohort klinik krankenhaus standort zentrum gerät hopital hôpital centro "
    "clinica clínica 병원 기관 센터 장비 의료기관 医院 中心 机构 设备 病院 施設 больница клиника центр مستشفى المستشفى "
    "مركز hastane merkez"
)
PATIENT = _words(
    "patient patients patientin patienten pat pt pts subject subjects subj person individual participant donor proband "
    "probandin mrn pid case cases fall fallnummer 환자 환자번호 등록번호 병록번호 피험자 대상자 환자등록번호 증례 患者 "
    "病人 病患 病历号 住院号 受试者 被検者 症例 пациент пациента пациенты больной больного испытуемый paciente "
    "pacientes sujeto caso casos sujet malade paziente soggetto pacjent pacjenta sub ptid uhid hn cpr ssn nhs nhc nip "
    "ipp owner owners client clients pseudonym pseudonyms surname lastname nachname familienname aktenzeichen "
    "personennummer personnummer expediente processo dossier historia~clinica historia~clínica prontuario prontuário "
    "ασθενής ασθενή ασθενούς מטופל חולה ผู้ป่วย bệnh~nhân beteg potilas patiënt بیمار пацієнт pasien hasta مريض المريض "
    "المرضى patiente rogi रोगी मरीज"
)
GROUP = _words(
    "lesion lesions group nodule tumor tumour exam examination study accession series 병변 그룹 病灶 病変 läsion "
    "lésion lesión lesione очаг آفة"
)
SLIDE = _words("slide wsi specimen biopsy block 슬라이드 切片 スライド")
ID = _words(
    "id ids number no nr num nummer nro code codes key identifier uid index idx ref kennung kenner numéro numero "
    "número n 번호 아이디 코드 식별자 号 编号 番号 号码 代码 номер код идентификатор رقم معرف numer kod numarası no. "
    "nº nbr מספר כרטיס pseudonym alias anonymous anon deid hash de of du der des do del di"
)
NAME = _words(
    "name names surname lastname nachname familienname 이름 성명 환자명 姓名 名前 имя фио nombre nom nome اسم"
)
PATH = _words(
    "path paths file files filename filenames filepath image images img imgs imgname imagename imagepath picture "
    "pictures photo scan scans dicom isic uri url 파일 파일명 파일이름 경로 이미지 영상 사진 bild bilder bilddatei "
    "datei dateiname dateipfad pfad aufnahme fichier chemin archivo imagen imagenes ruta foto файл изображение снимок "
    "путь 文件 文件名 路径 图像 图片 影像 画像 画像名 ファイル ファイル名 パス ملف صورة الصورة الملف arquivo imagem "
    "caminho immagine percorso plik obraz dosya görüntü"
)
LABEL = _words(
    "label labels class classes diagnosis diagnoses dx target pathology category categories gt truth groundtruth "
    "histology outcome finding malignancy malignant~benign benign~malignant y result 라벨 레이블 진단 진단명 병리 분류 "
    "클래스 결과 판독 diagnose befund klasse kategorie etikett diagnostic étiquette etiquette classe diagnóstico "
    "diagnostico etiqueta clase categoría диагноз метка класс категория 标签 类别 诊断 分类 标注 ラベル 診断 クラス "
    "分類 تشخيص التشخيص تصنيف الفئة rótulo rotulo diagnosi etichetta etykieta tanı sınıf"
)
PART = _words(
    "part split set subset partition fold usage dataset~split 분할 세트 구분 划分 分割 teil aufteilung conjunto "
    "partición часть выборка مجموعة"
)
MASK = _words(
    "mask masks segmentation segmentations seg segs groundtruth annotation annotations maske masken 마스크 掩码 掩膜 "
    "マスク маска"
)
NOT_PICTURES = _words(
    "model models figure figures plot plots result results output outputs log logs heatmap heatmaps checkpoint "
    "checkpoints script scripts code docs doc"
)
SET = _words(
    "v version set sets data dataset images image img imgs split part cases scans folder the of all pictures files "
    "데이터 세트 셋 용 集 用 データ セット daten satz datos conjunto données donnees набор данные выборка dati veri"
)
UNLABELLED = _words(
    "na n/a nan none null nil - -- ? . unknown unlabeled unlabelled #n/a #na <na> missing nd n.a. k.a. unbekannt 미상 "
    "없음 해당없음 未知 不明 неизвестно inconnu desconocido غير~معروف"
)

HEALTHY = _words(
    "normal normals healthy negative neg control controls absent no none background 정상 음성 없음 正常 陰性 阴性 健康 "
    "normale normaler gesund negativ sain saine sano sana negativo negativa норма здоровый здоровая здоров "
    "отрицательный отрицательная طبيعي سليم سلبي normalny zdrowy sağlıklı saudavel saudável ปกติ φυσιολογικό תקין בריא "
    "طبیعی false noncancer nontumor nonmalignant"
)
HARMLESS = _words(
    "benign benigne benigner benignes bénin bénigne benin benigno benigna gutartig gutartige gutartiges gutartiger "
    "nevus naevus nevi 양성 良性 доброкачественная доброкачественное доброкачественный доброкачественные доброкач "
    "доброякісна доброякісні حميد حميدة łagodny łagodna iyi~huylu lành~tính goedaardig godartad godartet "
    "hyvänlaatuinen jóindulatú nezhoubný benigní jinak καλοήθης καλοήθη καλόηθες καλοήθεις שפיר שפירים خوش~خیم خوش‌خیم "
    "सौम्य other rest"
)
DISEASE = _words(
    "malignant malign maligne maligner malignes malin maligno maligna bösartig bösartige bösartiges bösartiger "
    "boesartig cancer cancers cancerous carcinoma tumor tumour positive pos disease diseased sick ill abnormal "
    "pneumonia covid covid19 tuberculosis melanoma idc metastasis metastases lesion fracture krebs karzinom tumour "
    "krank pathologisch cáncer cancro càncer enfermo malade positif positivo positiva 비정상 악성 암 종양 폐렴 질병 "
    "환자군 恶性 惡性 悪性 癌 阳性 陽性 肺炎 злокачественная злокачественное злокачественный злокачественные злокач "
    "злоякісна злоякісні рак опухоль болен положительный пневмония خبيث خبيثة سرطان ورم إيجابي złośliwy złośliwa rak "
    "kötü~huylu kanser ác~tính kwaadaardig elakartad ondartet pahanlaatuinen rosszindulatú zhoubný maligní ganas "
    "κακοήθης κακοήθη κακόηθες κακοήθεις καρκίνος ממאיר ממאירים סרטן มะเร็ง เนื้อร้าย بدخیم hastalıklı rakowy "
    "патология घातक कैंसर true"
)
NEGATION = _words(
    "no not non without ohne kein keine nicht sans pas sin sem senza без не 无 非 無 不 아님 비 بدون لا ikke inte nie"
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


def natural(name: str) -> list[tuple[int, int | str]]:
    """Return a sort key that puts `benign (2)` before `benign (10)`."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return a name in its one form: NFC, no case, words apart by one blank."""
    return " ".join(_spaced(unicodedata.normalize("NFC", text)).casefold().split())


def _spaced(text: str) -> str:
    """Put blanks for all but letters, digits and the marks that belong to them."""
    if text.isascii():
        return _ASCII_SIGNS.sub(" ", text)
    return "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text)


@lru_cache(maxsize=65536)
def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a name, `PatientID_2` as `patient`, `id`, `2`."""
    return tuple(_CAMEL.sub(" ", _spaced(unicodedata.normalize("NFC", text))).casefold().split())


def says(text: str, vocabulary: frozenset[str], beside: frozenset[str] = frozenset()) -> bool:
    """Return whether a name holds a word of a vocabulary, and beside it only words that are allowed and numbers.

    Args:
        text: The name.
        vocabulary: Words of which one must be there; those of several words as a whole.
        beside: Words that may stand beside it; numbers always may.
    """
    whole = fold(text)
    if whole in vocabulary:
        return True
    words = words_of(text)
    found = [word for word in words if word in vocabulary]
    rest = [word for word in words if word not in vocabulary and word not in beside and not word.isdecimal()]
    if found and not rest:
        return True
    return bool(_CJK.search(whole)) and _made_of(whole.replace(" ", ""), vocabulary, beside)


@lru_cache(maxsize=65536)
def _made_of(text: str, vocabulary: frozenset[str], beside: frozenset[str]) -> bool:
    """Return whether a text without blanks is a word of a vocabulary, with allowed words and numbers beside it."""
    for word in sorted((w for w in vocabulary if w in text and _CJK.search(w)), key=len, reverse=True):
        rest = text.replace(word, "", 1)
        for other in sorted((w for w in beside if w in rest), key=len, reverse=True):
            rest = rest.replace(other, "", 1)
        if not rest or (rest.isalnum() and rest.isascii() and len(rest) <= 3):
            return True
    return False


def holds(text: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a word of a name is in a vocabulary; in CJK scripts, whether the name holds a word of it."""
    whole, words = fold(text), set(words_of(text)) | set(fold(text).split())
    if whole in vocabulary or words & vocabulary or any(" " in w and f" {w} " in f" {whole} " for w in vocabulary):
        return True
    return bool(_CJK.search(whole)) and any(w in whole for w in vocabulary if _CJK.search(w))


_LETTERED = re.compile(r"(\w+) ([a-j])")


def part_of(name: str) -> str:
    """Return the part a folder, file or cell names: `train`, `validate`, `test` or `fold-<k>`; empty if none.

    Example:
        >>> [part_of(n) for n in ("Training_Set", "val", "test_1", "fold 3", "5-fold", "latest", "검증용")]
        ['train', 'validate', 'test', 'fold-3', 'fold-5', '', 'validate']
    """
    if says(name, FOLD, SET) and (number := re.search(r"\d+", name)):
        return f"fold-{int(number.group())}"
    if (lettered := _LETTERED.fullmatch(fold(name))) and lettered[1] in FOLD:
        return f"fold-{ord(lettered[2]) - ord('a') + 1}"
    named = [
        part for part, words in (("train", TRAIN), ("validate", VALIDATE), ("test", TEST)) if says(name, words, SET)
    ]
    return named[0] if len(named) == 1 else ""


def parts_of(names: Iterable[str]) -> dict[str, str]:
    """Return the part that each of some sibling names says, by name; words that several of them share say nothing.

    Example:
        >>> parts_of(["busi_train", "busi_test"]), parts_of(["train", "models"])
        ({'busi_train': 'train', 'busi_test': 'test'}, {'train': 'train'})
    """
    names = list(names)
    found = {name: part for name in names if (part := part_of(name))}
    if len(found) > 1 or len(names) < 2:
        return found
    often = Counter(word for name in names for word in set(words_of(name)))
    bare = {name: " ".join(word for word in words_of(name) if often[word] == 1) for name in names}
    apart = {name: part for name, rest in bare.items() if (part := part_of(rest))}
    return apart if len(apart) > 1 else found


def is_site(name: str) -> bool:
    """Return whether a folder's name says that it is a site: `siteA`, `hospital 2`, `서울병원`."""
    words = words_of(name)
    return bool(set(words) & SITE) or (bool(_CJK.search(name)) and any(w in fold(name) for w in SITE if _CJK.search(w)))


_NUMBERED = re.compile(
    r"[^\W\d_]{0,5}[-_ .]?\d+[-_ .]?[a-z]?|[0-9a-f]{8,}|\d+(\.\d+){3,}|[^\W\d_]{1,5}([-_ .]\w{1,4})?[-_ .]\d+",
    re.IGNORECASE,
)
_ZOOM = re.compile(r"x?\d+x?|\d+x|x\d+", re.IGNORECASE)


def is_numbered(name: str) -> bool:
    """Return whether a folder's name may number a patient: `BP01`, `8863`, `patient 3`, `환자-12`."""
    if part_of(name) or (_ZOOM.fullmatch(name) and "x" in name.casefold()):
        return False
    return names_patient(name) or bool(_NUMBERED.fullmatch(unicodedata.normalize("NFC", name)))


def names_patient(name: str) -> bool:
    """Return whether a folder's name says that it is a patient's."""
    words = words_of(name)
    if _CJK.search(name) and any(w in fold(name) for w in PATIENT if _CJK.search(w)):
        return True
    return bool(words) and bool(set(words) & PATIENT) and len(words) > 1


def disease_of(label: str) -> bool | None:
    """Return whether a label's name means disease; None if it does not say.

    Example:
        >>> [disease_of(n) for n in ("no-idc", "malignant", "2_malignant tumor", "Typ A", "bo\u0308sartig")]
        [False, True, True, None, True]
    """
    named, words = fold(label), words_of(label)
    if (named not in DISEASE and set(words) & NEGATION) or (
        named not in DISEASE and any(w in named for w in NEGATION if _CJK.search(w) and len(named) > 1)
    ):
        return False if len(words) > 1 or _CJK.search(named) or named in HEALTHY else None
    if named in DISEASE:
        return True
    harmless, sick = holds(label, HEALTHY | HARMLESS), holds(label, DISEASE)
    if harmless and sick:  # "benign tumour"; but 陽性 within 良性 or the like is no second word
        return (
            False
            if holds(label, HARMLESS)
            and not holds(label, frozenset(("malignant", "악성", "恶性", "惡性", "悪性", "bösartig")))
            else None
        )
    return True if sick else False if harmless else None


def is_healthy(label: str) -> bool:
    """Return whether a label's name says nothing is there (`normal`, `no …`): any other label is then something."""
    words = words_of(label)
    if fold(label) in DISEASE:
        return False
    return holds(label, HEALTHY) or bool(set(words) & NEGATION and len(words) > 1)


ROLES = ("path", "label", "patient", "group", "mask", "part", "site")
_NUMBERS = _words("id ids no nr nro nº num nummer number key code identifier uid номер код numer numero número رقم")
_PARTS_OF_NAMES = ID | NAME | frozenset(("full", "relative", "rel", "abs", "original", "orig", "in", "input"))


_PATIENT_INSIDE = re.compile(
    "hosp(ital)?(no|nr|num|number)$|medicalrecord(no|nr|num|number|id)?$|מטופל|ผู้ป่วย|คนไข้|bệnhnhân|patient|pacient|"
    "pazient|pacjent|subject|proband|mrn$|caseid|caseno|casenumber|환자|患者|病人|пациент|المريض|hastano|hastaid"
)
_NO_ID = re.compile(
    "age|sex|gender|birth|date|year|weight|height|count|orient|position|history|status|type|group|notes|comment|edad|"
    "sexo|alter|geschlecht|나이|성별|생년|연령|年龄|年齢|性别|性別|возраст|пол$|العمر|الجنس|yaş|cinsiyet|number ?of|nof"
)


def says_number(name: str) -> bool:
    """Return whether a column's name says that it numbers something: `ID`, `chart no`, `차트번호`.

    Example:
        >>> [says_number(n) for n in ("ID", "Kranken-Nr", "차트번호", "age", "note")]
        [True, True, True, False, False]
    """
    whole = fold(name)
    return bool(set(words_of(name)) & _NUMBERS) or any(whole.endswith(w) for w in ID if _CJK.search(w))


def role_of(name: str) -> str:
    """Return what a column's name says it holds, one of `ROLES`; empty if it says nothing.

    Example:
        >>> [role_of(n) for n in ("patient id", "Patient_Number", "환자번호", "image_id")]
        ['patient', 'patient', 'patient', 'path']
        >>> [role_of(n) for n in ("patient age", "lesion_id", "Klasse")]
        ['', 'group', 'label']
    """
    if says(name, MASK, PATH | ID | NAME):
        return "mask"
    if _PATIENT_INSIDE.search(whole := fold(name).replace(" ", "")) and not _NO_ID.search(whole):
        return "patient"
    for role, words, beside in (
        ("patient", PATIENT, ID | NAME),
        ("group", GROUP, ID | NAME),
        ("patient", SLIDE, ID | NAME),
        ("label", LABEL, ID | NAME | frozenset(("final", "1"))),
        ("path", PATH, _PARTS_OF_NAMES),
        ("part", PART, ID | NAME),
        ("site", SITE, ID | NAME),
    ):
        if says(name, words, beside):
            return role
    return ""
