"""The words by which folders, columns and labels are known, in the languages people keep their sets in."""

from medcls.data.letters import one_form, ways_of_writing


def words(text: str) -> frozenset[str]:
    """Return the words of a text in their one form, with and without accents; `~` stands for a blank inside of one."""
    return frozenset(way for word in text.split() for way in ways_of_writing(word.replace("~", " ")))


TRAIN = words(
    "train training trains tr trn trainset trainingset traindata trainingdata trainimages 학습 훈련 학습용 훈련용 "
    "트레이닝 訓練 学習 訓練用 学習用 训练 訓練集 训练集 entrainement entraînement apprentissage entrenamiento "
    "treino treinamento addestramento learn learning trainieren обучение обучающая тренировка тренировочная تدريب "
    "التدريب eğitim trening treningowy treningowe treningowa uczący uczące huấn~luyện tập~huấn~luyện εκπαίδευση "
    "εκπαίδευσης אימון प्रशिक्षण トレーニング träning träningsdata trénink trénovací tanító tanítás навчальна навчальний "
    "навчання тренувальна آموزش آموزشی ฝึก ฝึกสอน latih pelatihan koulutus antrenament treniranje обучаваща"
)
VALIDATE = words(
    "tune tuning val valid validate validation vali dev development validationset valset valdata validationdata "
    "valimages 검증 검증용 밸리데이션 検証 検証用 验证 验证集 驗證 validación validacion validação validierung "
    "convalida валидация валидационная проверка تحقق التحقق doğrulama walidacja walidacyjny walidacyjne walidacyjna "
    "kiểm~định thẩm~định xác~thực επικύρωση επικύρωσης תיקוף ולידציה सत्यापन バリデーション validatie validazione "
    "validering valideringsdata validace validační validáló validálás validacija валідаційна валідаційний валідація "
    "اعتبارسنجی ตรวจสอบ validasi validointi validare"
)
TEST = words(
    "test testing tests te ts tst hold~out held~out testset testdata testimages holdout heldout eval "
    "evaluation privatetest publictest 테스트 시험 평가 테스트용 "
    "시험용 평가용 テスト 試験 評価 测试 测试集 測試 prueba pruebas teste prova essai тест тестовая тестирование "
    "اختبار الاختبار testowy testowe testowa kiểm~tra thử~nghiệm δοκιμή δοκιμής έλεγχος ελέγχου מבחן בדיקה "
    "परीक्षण teszt tesztelő тестова тестовий тестування آزمون آزمایش تست ทดสอบ uji pengujian testi testare"
)
DEVELOP = words("dev development")  # trains where nothing else does
SPLIT = words("split splits")  # names parts as well as folds: a number under it is no fold
FOLD = SPLIT | words("fold folds kfold cv 폴드 折 フォールド фолд falte pliegue")
SITE = words(
    "site sites hospital hosp center centre clinic institution institute institut location vendor device scanner "
    "machine manufacturer source archive cohort klinik krankenhaus standort zentrum gerät hopital hôpital centro "
    "clinica clínica 병원 기관 센터 장비 의료기관 医院 中心 机构 设备 病院 施設 больница клиника центр مستشفى "
    "المستشفى مركز hastane merkez szpital ośrodek νοσοκομείο κέντρο בית~חולים מרכז bệnh~viện trung~tâm अस्पताल केंद्र "
    "ziekenhuis nemocnice kórház ospedale sjukhus sykehus sygehus sairaala spital bolnica болница лікарня بیمارستان "
    "โรงพยาบาล rumah~sakit"
)
SITE_COLUMN = SITE | words("dataset country city")
PATIENT = words(
    "patient patients patientin patienten pat patnr patno ptno pt pts animal animals pasient pasienter kimlik карта "
    "медкарта история~болезни истории~болезни 門診 病歷 就诊 subject subjects subj person individual participant "
    "donor proband probandin 門診號 門診号 病歷號 就诊号 tc~kimlik mrn pid case cases fall fallnummer 환자 환자번호 "
    "등록번호 병록번호 피험자 대상자 환자등록번호 증례 患者 病人 病患 病历号 住院号 受试者 被検者 症例 пациент "
    "пациента пациенты больной больного испытуемый paciente pacientes sujeto caso casos sujet malade paziente "
    "soggetto pacjent pacjenta sub ptid uhid hn cpr ssn nhs nhc nip ipp owner owners client clients pseudonym "
    "pseudonyms surname lastname nachname familienname aktenzeichen personennummer personnummer expediente processo "
    "dossier historia~clinica historia~clínica prontuario prontuário ασθενής ασθενή ασθενούς מטופל חולה ผู้ป่วย "
    "bệnh~nhân beteg potilas patiënt deid deidentified uuid guid pnr "
    "volunteer volunteers patid identifiant بیمار пацієнт pasien hasta مريض المريض المرضى patiente rogi रोगी मरीज "
    "examinee usubjid subjid pacijent pacijenta rodné~číslo ת~ז תעודת~זהות"
)
GROUP = words(
    "lesion lesions group nodule tumor tumour exam examination study accession series 병변 그룹 病灶 病変 läsion "
    "lésion lesión lesione очаг آفة"
)
SLIDE = words("slide wsi specimen biopsy block 슬라이드 切片 スライド")
ID = words(
    "id ids number no nr num nummer nro code codes key identifier uid index idx ref kennung kenner numéro numero "
    "número n 번호 아이디 코드 식별자 号 编号 番号 号码 代码 номер код идентификатор رقم معرف numer kod numarası "
    "no. nº nbr מספר כרטיס pseudonym alias anonymous anon deid hash de of du der des do del di क्रमांक संख्या आईडी "
    "κωδικός αριθμός azonosító száma šifra broj číslo شماره کد รหัส หมายเลข mã số identified research unique"
)
_NAME = words(
    "name names surname lastname nachname familienname 이름 성명 환자명 姓名 名前 имя фио nombre nom nome اسم 名 名称 "
    "氏名 adı ad soyad soyadı imię nazwisko nazwa όνομα שם नाम tên jméno név نام"
)
NAME = _NAME - {"nev", "ten"}  # without accents they are a nevus and a number
# What tells who a patient is beside the name: not kept with a scan.
PERSONAL = NAME | words(
    "firstname first~name forename forenames given~name givenname last~name full~name fullname middle~name middlename "
    "family~name maiden~name vorname vornamen prénom nom~de~famille apellido apellidos cognome sobrenome отчество "
    "фамилия 성함 성 氏 phone telephone mobile tel telefon téléphone teléfono telefono cellphone email e~mail address "
    "home~address adresse dirección endereço indirizzo street dob birthdate birth~date date~of~birth birthday "
    "birth~day geburtsdatum geburtstag 생년월일 출생일 생일 전화 전화번호 휴대폰 연락처 주소 이메일 "
    "주민등록번호 주민번호 出生日期 生日 电话 手机 地址 身份证 身份证号 "
    "生年月日 誕生日 電話 電話番号 住所 дата~рождения телефон адрес "
    "fecha~de~nacimiento date~de~naissance data~di~nascita data~de~nascimento doğum~tarihi data~urodzenia ssn"
)
PATH = words(
    "path paths file files filename filenames filepath image images img imgs imgname imagename imagepath picture "
    "pictures photo scan scans dicom isic uri url 파일 파일명 파일이름 경로 이미지 영상 사진 bild bilder bilddatei "
    "datei dateiname dateipfad pfad aufnahme fichier chemin archivo imagen imagenes ruta foto файл изображение "
    "снимок путь 文件 文件名 路径 图像 图片 影像 画像 画像名 ファイル ファイル名 パス ملف صورة الصورة الملف arquivo "
    "imagem caminho immagine percorso plik obraz dosya görüntü"
)
LABEL = words(
    "label labels class classes diagnosis diagnoses dx target pathology category categories gt truth groundtruth "
    "histology outcome finding malignancy malignant~benign benign~malignant y result 라벨 레이블 진단 진단명 병리 "
    "분류 클래스 결과 판독 diagnose befund klasse kategorie etikett diagnostic étiquette etiquette classe "
    "diagnóstico diagnostico etiqueta clase categoría диагноз метка класс категория 标签 类别 诊断 分类 标注 ラベル "
    "診断 クラス 分類 تشخيص التشخيص تصنيف الفئة rótulo rotulo diagnosi etichetta etykieta tanı sınıf"
)
PART = words(
    "part split set subset partition fold folds kfold cv phase usage dataset~split 분할 세트 구분 划分 分割 teil "
    "aufteilung conjunto partición часть выборка مجموعة"
)
MASK = words(
    "mask masks segmentation segmentations segmented seg segs groundtruth annotation annotations maske masken "
    "masque masques máscara máscaras mascara maschera maschere maski masky maskers masker maskeler maszk maszkok маски "
    "μάσκα μάσκες mặt~nạ מסכה מסכות मास्क قناع أقنعة 마스크 掩码 掩膜 マスク маска"
)
# What may name a mask, or a scan of a lesion: the content tells.
MASK_OR_NOT = words(
    "label labels labelmap roi rois lesion lesions tumor tumour contour contours outline annot binary manual "
    "delineation gt m 병변 종양 라벨 윤곽"
)
COMPANION = words(
    "overlay overlays overlaid annotated contour contours contoured outline outlines outlined marked drawn "
    "bbox bboxes "
    "boxes heatmap heatmaps gradcam thumb thumbnail thumbnails preview previews visualization visualisation vis "
    "오버레이 주석 标注 叠加"
)  # drawings over a scan, kept beside it
PICTURE_WORDS = words(
    "image images img imgs scan scans picture pictures pic photo original originals orig raw us bus input bild "
    "bilder 원본 이미지 영상 影像 图像 原图 画像 снимок"
)
NOT_PICTURES = words(
    "model models figure figures plot plots result results output outputs log logs heatmap heatmaps checkpoint "
    "checkpoints script scripts code docs doc"
)
SET = words(
    "internal external independent augmented aug original resized cropped processed cleaned final menge bilder "
    "v version set sets data dataset images image img imgs split part cases scans "
    "folder the of all pictures files 데이터 세트 셋 용 集 用 データ セット daten satz datos conjunto données "
    "donnees набор данные выборка dati veri"
)
LIST_WORDS = words(
    "list lists id ids index names name label labels metadata meta file csv txt annotation annotations info gt table "
    "groundtruth 목록 라벨 리스트 列表 名单 标签 リスト liste lista список"
)  # what a table's name says of itself
SIGNS = (("-", "+"), ("(-)", "(+)"), ("－", "＋"), ("×", "○"), ("✗", "✓"), ("✘", "✔"), ("☐", "☑"))  # no and yes
GUESSES = words(
    "submission submissions submit prediction predictions predicted preds pred inference 예측 예측결과 预测 預測 予測 "
    "vorhersage vorhersagen prédiction prédictions predicción predicciones предсказание предсказания"
)  # what a model says, not what is so
BESIDE_GUESSES = TRAIN | VALIDATE | TEST | words("sample example final my model output best 샘플")
DERIVED = words(
    "crop cropped crops patch patches resized processed preprocessed enhanced augmented filtered "
    "자른 裁剪 切り抜き zugeschnitten"
)  # pictures made of another
NO_PATH = words(
    "epoch epochs step steps iteration iterations iter fold folds loss accuracy auc auroc width height size age ages "
    "year 나이 年龄 年齢 alter edad"
)  # columns of numbers that may meet names of files by chance
# How a picture was taken: folders of these are no people, whatever else they are called.
MODES = words(
    "mode modes bmode doppler elastography elastogram elasto ultrasound sonography sonogram mammography mammogram mri "
    "color colour power grayscale greyscale harmonic contrast transverse longitudinal sagittal coronal axial view "
    "plane dermoscopy dermoscopic polarized magnification zoom stain staining 초음파 탄성 도플러 유방촬영 맘모 "
    "종단 횡단 超声 弹性 多普勒 彩色 灰阶 钼靶 横切 纵切 超音波 エコー ドプラ ultraschall sonographie elastographie "
    "mammographie échographie ecografía ecografia élastographie узи допплер эластография маммография"
)
LEFT = words(
    "left l lt lft links gauche izquierda izquierdo izq sinistra sinistro esquerda esquerdo vlevo слева левая левый "
    "лев vänster venstre lewa lewy 좌 좌측 왼쪽 左 左侧 左側 左乳 vasen"
)
RIGHT = words(
    "right r rt rgt rechts droite droit derecha derecho dcha destra destro direita direito справа правая правый прав "
    "sağ höger høyre højre prawa prawy 우 우측 오른쪽 右 右侧 右側 右乳 oikea jobb"
)
BODY = words(
    "back arm face leg trunk torso scalp neck chest abdomen hand foot feet ear nose thigh forearm lip head extremity "
    "extremities shoulder buttock finger toe nail axilla nipple quadrant palms soles acral genital knee elbow wrist "
    "ankle cheek forehead eyelid skin flank hip groin rücken bein gesicht kopf bauch hals dos bras jambe visage tête "
    "espalda brazo pierna cara cabeza cuello 등 팔 다리 얼굴 背 腿 手臂 脸 顔 腕 脚"
)
GRADES = words("birads bi~rads tirads ti~rads pirads rads grade grading gleason nottingham stage staging subtype")
AUGMENT = words(
    "aug augs augmented augmentation augment flip flipped hflip vflip fliplr flipud mirror mirrored rot rotate rotated "
    "rotation noise noisy blur blurred blurry bright brightness brighter darker contrast zoom zoomed shear sheared "
    "shift shifted translated crop cropped scaled elastic jitter transposed copy kopie copia copie копия "
    "복사본 증강 副本 增强"
)
SIDE_OR_SEX = words("left right sex age male female man woman men women links rechts männlich weiblich 좌 우 남 여")
UNLABELLED = words(
    "na n/a nan none null nil - -- ? . unknown unlabeled unlabelled #n/a #na <na> missing nd n.a. k.a. unbekannt "
    "미상 없음 해당없음 미정 판독불가 판정불가 tbd pending na. n.d not~available not~known not~done to~do 未知 "
    "不明 未定 未確定 "
    "未确定 空 空白 неизвестно inconnu desconocido غير~معروف ... … unspecified #ref! #value! #div/0! #name? "
    "#null! #num! sysmis .a .b .c .d .z "
    "to~be~labeled to~be~labelled"
)
UNKNOWN_CODES = words("9 99 999 9999 -1 -9 -99 -999 8 88 888 77 777")  # what questionnaires write for it
NO_ANSWER = words(
    "label labels labelled labeled diagnosis data dato datos information info angabe angaben renseigné renseignée "
    "specified stated given entry record available known result results answer"
)  # with a negation: nobody said
_NO_AND_YES = (
    "0/1 no/yes n/y false/true f/t nein/ja non/oui no/sí no/si нет/да não/sim nie/tak hayır/evet 아니오/예 "
    "아니요/예 いいえ/はい "
    "否/是 لا/نعم όχι/ναι οχι/ναι không/có khong/co לא/כן नहीं/हाँ ne/ano nem/igen nej/ja nei/ja ei/kyllä nee/ja nu/da "
    "ні/так tidak/ya ไม่/ใช่ خیر/بله ne/da não/sim nao/sim"
)
YES_OR_NO = tuple((no, yes) for no, yes in (one_form(pair).split("/") for pair in _NO_AND_YES.split()))
NO_LABEL_FOLDER = words("unlabeled unlabelled unclassified nolabel no~label 미분류 미라벨 未标注 未分类 未分類")
# What stands in the place of an id that was taken out, words joined.
NOBODY = UNLABELLED | words(
    "anonymous anonym anonymized anonymised anonymisiert anonymise anonymisé anonyme anonimo anónimo anônimo anon "
    "anonymouspatient unnamed noname nopatient noid nopatientid removed deleted deidentified deid masked hidden "
    "blank empty dummy johndoe janedoe doejohn doejane patient patientid patientname id mrn test testpatient "
    "phantom zero 익명 무명 비식별 匿名 患者 無名 аноним анонимный مجهول anonimni anonymní"
)

HEALTHY = words(
    "normal normals healthy negative neg control controls absent no none background 정상 음성 없음 正常 陰性 阴性 "
    "健康 normale normaler gesund negativ sain saine sano sana negativo negativa норма здоровый здоровая здоров "
    "отрицательный отрицательная طبيعي سليم سلبي normalny zdrowy sağlıklı saudavel saudável ปกติ φυσιολογικό תקין "
    "בריא طبیعی false noncancer nontumor nonmalignant"
)
HARMLESS = words(
    "benign benigne benigner benignes bénin bénigne benin benigno benigna gutartig gutartige gutartiges gutartiger "
    "nevus naevus nevi fibroadenoma fibroadenomas fibroadenom fibroadénome fibroadenome cyst cysts zyste kyste quiste "
    "섬유선종 낭종 纤维腺瘤 線維腺腫 囊肿 嚢胞 양성 良性 доброкачественная доброкачественное доброкачественный "
    "доброкачественные доброкач "
    "доброякісна доброякісні حميد حميدة łagodny łagodna iyi~huylu lành~tính goedaardig godartad godartet "
    "hyvänlaatuinen jóindulatú nezhoubný benigní jinak καλοήθης καλοήθη καλόηθες καλοήθεις שפיר שפירים خوش~خیم "
    "خوش‌خیم सौम्य other rest"
)
DISEASE = words(
    "malignant malign maligne maligner malignes malin maligno maligna bösartig bösartige bösartiges bösartiger "
    "boesartig cancer cancers cancerous carcinoma carcinome karzinome carcinomas carcinom malignancy "
    "malignancies tumor tumour positive pos disease diseased sick ill abnormal "
    "pneumonia covid covid19 tuberculosis melanoma idc metastasis metastases lesion fracture krebs karzinom krank "
    "pathologisch cáncer cancro càncer enfermo malade positif positivo positiva 비정상 악성 암 종양 폐렴 질병 "
    "환자군 恶性 惡性 悪性 癌 阳性 陽性 肺炎 злокачественная злокачественное злокачественный злокачественные злокач "
    "злоякісна злоякісні рак опухоль болен положительный пневмония خبيث خبيثة سرطان ورم إيجابي złośliwy złośliwa "
    "rak kötü~huylu kanser ác~tính kwaadaardig elakartad ondartet pahanlaatuinen rosszindulatú zhoubný maligní "
    "ganas κακοήθης κακοήθη κακόηθες κακοήθεις καρκίνος ממאיר ממאירים סרטן มะเร็ง เนื้อร้าย بدخیم hastalıklı rakowy "
    "патология घातक कैंसर true"
)
NEGATION = words(
    "no not non não without ohne kein keine nicht sans pas sin sem senza без не 无 非 無 不 아님 비 بدون لا "
    "ikke inte nie"
)
NO_OWNERS = words(
    "batch batches lot run session set sets dataset group cohort day week month year phase round stage version part "
    "vol volume class label grade type level 배치 차수 批次 バッチ"
)
NO_ONES = words(
    "batch batches lot dataset cohort icd icdo snomed loinc umls mesh disease diagnosis finding reader readers "
    "annotator annotators rater raters radiologist pathologist doctor physician operator technician author user "
    "device devices scanner scanners equipment machine probe transducer camera serial model software firmware "
    "protocol kit stain antibody room ward department station site hospital center centre postcode postal zip plz "
    "phone 장비 기기 판독의 판독자 의사 설비 设备 医生 医师 装置 医師 gerät arzt untersucher médecin "
    "appareil médico equipo"
)  # columns whose codes stand beside many scans and say of none whose it is
MEASURES = words("x mag magnification zoom px pixel pixels size scale rads birads tirads acr her")  # numbered, no one's
