"""The measures of `scripts/evaluate.py`: how far a coloured film is from the truth, and how steady it is.

They take what a film is made of (8-bit Y'CbCr planes, BT.709, limited range, chroma left-sited as in the
truth) or float RGB in 0..1, and share no code with the program they judge. scikit-image, of the `dev` extra,
is imported where it is used.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

KR, KB = 0.2126, 0.0722  # BT.709 (ITU-R BT.709-6, item 3.2)
SHORT_SIDE = 256  # flicker is measured at this size, so that grain does not count as flicker
FLOW_AGREES = 1.0  # pixels by which forward and backward flow may miss each other
CDC_STEPS = (1, 2, 4)


def to_rgb(y: np.ndarray, cb: np.ndarray, cr: np.ndarray) -> np.ndarray:
    """Planes of an 8-bit BT.709 limited-range frame -> (H, W, 3) float32 RGB, clipped to 0..1, never rounded.

    Chroma planes may be 4:2:0, 4:2:2 or 4:4:4; they are interpolated bilinearly, left-sited.
    """
    luma = (y.astype(np.float32) - 16) / 219
    pb, pr = (upsample_chroma((c.astype(np.float32) - 128) / 224, y.shape) for c in (cb, cr))
    red = luma + 2 * (1 - KR) * pr
    blue = luma + 2 * (1 - KB) * pb
    green = (luma - KR * red - KB * blue) / (1 - KR - KB)
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 1)


def upsample_chroma(plane: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A chroma plane (h, w) at the luma's (H, W), bilinear: samples on even columns, between lines."""
    h, w = shape[:2]
    if plane.shape == (h, w):
        return plane
    rows = np.arange(h) if plane.shape[0] == h else np.arange(h) / 2 - 0.25
    x, y = np.meshgrid((np.arange(w) / 2).astype(np.float32), rows.astype(np.float32))
    # remap's 1/32-pixel grid holds quarters and halves exactly
    return cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def psnr(result: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two (H, W, 3) float RGB frames, over all channels; inf if equal."""
    error = float(np.mean(np.square(result.astype(np.float64) - truth)))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def psnr_uint8_wrapped(result: np.ndarray, truth: np.ndarray) -> float:
    """The PSNR of the field's usual script: the difference of uint8 images, squared; both steps wrap at 256.

    It cannot fall much below 28 dB and measures no error; it only serves comparison with published figures.
    """
    a, b = (np.round(x * 255).astype(np.uint8) for x in (result, truth))
    error = float(np.mean((a - b) ** 2))  # wraps, on purpose
    return float("inf") if error == 0 else 20 * float(np.log10(255 / np.sqrt(error)))


def ciede2000(result: np.ndarray, truth: np.ndarray) -> float:
    """Mean CIEDE2000 over the pixels of two (H, W, 3) float sRGB frames (Sharma et al. 2005)."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    return float(np.mean(deltaE_ciede2000(rgb2lab(result), rgb2lab(truth))))


def ssim(result: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity of two (H, W, 3) float RGB frames, Gaussian window (Wang et al. 2004)."""
    from skimage.metrics import structural_similarity

    as_published = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(result, truth, channel_axis=-1, data_range=1.0, **as_published))


def colorfulness(rgb: np.ndarray) -> float:
    """Hasler and Suesstrunk's measure (2003) of a float RGB frame, on their 0..255 scale; 0 for grey."""
    red, green, blue = (rgb[..., i].astype(np.float64) * 255 for i in range(3))
    rg, yb = red - green, (red + green) / 2 - blue
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def relative_colorfulness(result: np.ndarray, truth: np.ndarray) -> float:
    """Colourfulness of a frame over the truth's: 0 for grey, 1 where it is as colourful."""
    return colorfulness(result) / colorfulness(truth)


def working_ab(rgb: np.ndarray) -> np.ndarray:
    """a and b (h, w, 2) of a float RGB frame at short side `SHORT_SIDE`."""
    return cv2.cvtColor(_small(rgb), cv2.COLOR_RGB2Lab)[..., 1:]


def _small(picture: np.ndarray) -> np.ndarray:
    h, w = picture.shape[:2]
    scale = SHORT_SIDE / min(h, w)
    size = (round(w * scale), round(h * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


class LumaFlow:
    """DIS flow of a film's luma from each frame to the one before, at short side `SHORT_SIDE`."""

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._last: np.ndarray | None = None

    def step(self, luma: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """The next frame's (H, W) uint8 luma -> where its pixels were (h, w, 2), which are believed (h, w).

        A pixel is believed where forward and backward flow agree within `FLOW_AGREES`, inside the picture. None for the
        first frame.
        """
        now, before = _small(luma), self._last
        self._last = now
        if before is None:
            return None
        h, w = now.shape
        there = self._dis.calc(now, before, None)  # type: ignore[call-overload]
        back = self._dis.calc(before, now, None)  # type: ignore[call-overload]
        x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
        where = np.stack([x + there[..., 0], y + there[..., 1]], axis=-1)
        miss = there + cv2.remap(back, where, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
        inside = (where >= 0).all(-1) & (where[..., 0] <= w - 1) & (where[..., 1] <= h - 1)
        return where, inside & (np.hypot(miss[..., 0], miss[..., 1]) <= FLOW_AGREES)


def flicker(ab: np.ndarray, ab_before: np.ndarray, flow: tuple[np.ndarray, np.ndarray]) -> float:
    """Mean length in Lab units of ab(t) - ab(t-1), warped along `flow` (`LumaFlow.step`), where believed."""
    where, believed = flow
    change = ab - cv2.remap(ab_before, where, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    return float(np.hypot(change[..., 0], change[..., 1])[believed].mean()) if believed.any() else 0.0


def histograms(rgb: np.ndarray) -> np.ndarray:
    """(3, 256) float: the share of the pixels of each of a frame's channels in each 8-bit step."""
    codes = np.round(rgb * 255).astype(np.uint8)
    counts = [np.bincount(codes[..., i].ravel(), minlength=256) for i in range(3)]
    return np.stack(counts) / codes[..., 0].size


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence of two distributions, in nats (0..ln 2)."""
    middle = (p + q) / 2

    def relative_entropy(d: np.ndarray) -> float:
        used = d > 0
        return float(np.sum(d[used] * np.log(d[used] / middle[used])))

    return (relative_entropy(p) + relative_entropy(q)) / 2


class ColorDistributionConsistency:
    """CDC (Liu et al. 2021, TCVC): how much the colour histograms of frames 1, 2 and 4 apart differ.

    It rewards grey and still pictures: read it beside the truth's own.
    """

    def __init__(self) -> None:
        self._recent: deque[np.ndarray] = deque(maxlen=max(CDC_STEPS))
        self._sums: dict[int, list[float]] = {step: [] for step in CDC_STEPS}

    def add(self, rgb: np.ndarray) -> None:
        """Take the next frame."""
        now = histograms(rgb)
        for step, sums in self._sums.items():
            if len(self._recent) >= step:
                sums.append(float(np.mean([jensen_shannon(a, b) for a, b in zip(now, self._recent[-step])])))
        self._recent.append(now)

    def value(self) -> float:
        """The mean over steps of the mean over frame pairs and channels; 0 for a film of one frame."""
        means = [float(np.mean(s)) for s in self._sums.values() if s]
        return float(np.mean(means)) if means else 0.0
