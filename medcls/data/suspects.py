"""Labels that look wrong: cases that a simple model, taught without them, is sure belong elsewhere."""

import numpy as np

from medcls.lean import LOADING

MOST = 20_000  # cases looked at; drawn by group where there are more
_SURE, _DOUBT = 0.9, 0.1


def simple_features(descriptors: np.ndarray) -> np.ndarray:
    """Describe pictures by coarse colour and brightness and by how much detail each part holds.

    Args:
        descriptors: (N,) of dtype `medcls.data.descriptors.DESCRIPTOR`.

    Returns:
        (N, 256) float32.
    """
    grey = descriptors["grey"].astype(np.float32) / 255
    tint = descriptors["tint"].reshape(len(descriptors), -1).astype(np.float32) / 255
    steps = np.abs(np.diff(grey, axis=1))[:, :, :-1] + np.abs(np.diff(grey, axis=2))[:, :-1, :]
    detail = np.pad(steps, ((0, 0), (0, 1), (0, 1))).reshape(len(grey), 8, 4, 8, 4).mean((2, 4))
    return np.concatenate([tint, detail.reshape(len(grey), -1)], 1)


def out_of_fold(
    features: np.ndarray, truth: np.ndarray, groups: np.ndarray, seed: int = 0, folds: int = 5
) -> np.ndarray:
    """Predict every case by a logistic regression taught on other groups only.

    Args:
        features: (N, D) float32.
        truth: Index of the label, (N,) int, 0 to K - 1, each present.
        groups: What must not be cut, (N,).
        seed: Seed of the folds.
        folds: How many; fewer where there are not as many groups of each label.

    Returns:
        Probabilities, (N, K) float64; NaN where too few groups are there to hold any out.
    """
    with LOADING:
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

    n_labels = int(truth.max()) + 1
    prob = np.full((len(truth), n_labels), np.nan)
    folds = min(folds, *(len(np.unique(groups[truth == k])) for k in range(n_labels)))
    if folds < 2:
        return prob
    features = features[:, features.std(0, dtype=np.float64) > 1e-4]
    if features.shape[1] == 0:  # nothing to tell them apart by
        return np.tile(np.bincount(truth) / len(truth), (len(truth), 1))
    numbered = np.unique(groups.astype(str), return_inverse=True)[1]
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(features, truth, numbered):
        if len(np.unique(truth[train])) < n_labels:
            continue
        size = min(32, features.shape[1], len(train) - 1)
        model = make_pipeline(
            StandardScaler(),
            PCA(size, svd_solver="full", random_state=seed),
            LogisticRegression(C=0.1, max_iter=300, class_weight="balanced"),
        )
        prob[test] = model.fit(features[train], truth[train]).predict_proba(features[test])
    return prob


def find_suspects(prob: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the rows whose own label is all but excluded while another is all but certain, the surest first.

    Args:
        prob: Out-of-fold probabilities, (N, K); rows of NaN are passed over.
        truth: Index of the label, (N,) int.

    Returns:
        Rows, (M,) int64; at most 2 % of all, as a model that doubts more is the one in doubt.
    """
    known = np.isfinite(prob).all(1)
    own = np.where(known, prob[np.arange(len(truth)), truth], 1.0)
    sure = np.where(known, np.nan_to_num(prob).max(1), 0.0)
    rows = np.flatnonzero((own <= _DOUBT) & (sure >= _SURE))
    return rows[np.argsort(own[rows], kind="stable")][: max(1, len(truth) // 50)]


def draw_groups(groups: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    """Return the rows of groups drawn at random until there are about `most`; all rows where there are no more.

    Args:
        groups: Group id of each row, (N,).
        most: About how many rows to draw; the last group drawn may be cut.
        seed: The same seed draws the same groups.

    Returns:
        Row numbers (n,) int64, rising.
    """
    if len(groups) <= most:
        return np.arange(len(groups))
    number = np.unique(groups.astype(str), return_inverse=True)[1]
    place = np.random.default_rng(seed).permutation(number.max() + 1)[number]
    order = np.argsort(place, kind="stable")[:most]
    return np.sort(order)
