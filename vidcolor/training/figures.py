"""Figures of drawings made by rule: people, animals, vehicles, houses, trees and things, each in any pose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

POSE = 8
"""Numbers of a pose, each -1..1."""

Color = tuple[float, float, float]


class Part(NamedTuple):
    """A closed outline in one colour; what comes later lies on top."""

    outline: np.ndarray
    """(n, 2) x, y in heights of the figure, y down from -1 at its head to 0 at its feet."""
    color: Color
    lined: bool = True


# --- outlines ---


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0, n: int = 24) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    px, py = rx * np.cos(t), ry * np.sin(t)
    return np.stack([x + c * px - s * py, y + s * px + c * py], 1)


def limb(a: Sequence[float], b: Sequence[float], ra: float, rb: float) -> np.ndarray:
    """Outline of a limb with round ends, radius ra about a and rb about b."""
    (ax, ay), (bx, by) = a, b
    along = np.arctan2(by - ay, bx - ax)
    t = np.linspace(np.pi / 2, 3 * np.pi / 2, 8)
    first = np.stack([ax + ra * np.cos(t + along), ay + ra * np.sin(t + along)], 1)
    second = np.stack([bx + rb * np.cos(t + along + np.pi), by + rb * np.sin(t + along + np.pi)], 1)
    return np.concatenate([first, second])


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float)


def blob(rng: np.random.Generator, x: float, y: float, r: float, rough: float = 0.2) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.full(40, r)
    for n in range(2, 6):
        radius += r * rough / n * rng.normal() * np.cos(n * t + rng.uniform(0, 6))
    return np.stack([x + radius * np.cos(t), y + radius * np.sin(t)], 1)


def joint(a: Sequence[float], length: float, turn: float) -> tuple[float, float]:
    """The end of a bone from a, `turn` from hanging straight down."""
    return a[0] + length * float(np.sin(turn)), a[1] + length * float(np.cos(turn))


# --- colours ---


def color(rng: np.random.Generator) -> Color:
    """Any paint: mostly bright, sometimes pale, dark or grey."""
    h, kind = rng.uniform(0, 180), rng.random()
    s, v = rng.uniform(0.45, 1), rng.uniform(0.55, 1)
    if kind < 0.15:
        s = rng.uniform(0, 0.15)
    elif kind < 0.3:
        s, v = rng.uniform(0.1, 0.4), rng.uniform(0.8, 1)
    elif kind < 0.42:
        v = rng.uniform(0.15, 0.45)
    rgb = cv2.cvtColor(np.array([[[h * 2, s, v]]], np.float32), cv2.COLOR_HSV2RGB)[0, 0]
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


def skin(rng: np.random.Generator) -> Color:
    t = rng.random()
    if rng.random() < 0.15:
        return color(rng)
    return 1 - 0.55 * t, 0.85 - 0.55 * t, 0.72 - 0.55 * t


# --- figures ---

Figure = Callable[[np.ndarray], list[Part]]
"""From a pose, `POSE` numbers in -1..1, to the figure's parts: the same parts in every pose."""
WHITE, BLACK = (1.0, 1.0, 1.0), (0.05, 0.05, 0.05)


class Person:
    """A person of random build and dress."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.head, self.legs = rng.uniform(0.09, 0.19), rng.uniform(0.25, 0.42)
        self.shoulder, self.hip = rng.uniform(0.08, 0.16), rng.uniform(0.06, 0.14)
        self.arm, self.thick, self.leg_thick = (
            rng.uniform(0.26, 0.38),
            rng.uniform(0.025, 0.05),
            rng.uniform(0.035, 0.07),
        )
        self.flesh, self.hair, self.top, self.bottom, self.shoe, self.hat = skin(rng), *(color(rng) for _ in range(5))
        self.dress, self.sleeve, self.short = rng.random() < 0.35, rng.random() < 0.6, rng.random() < 0.3
        self.hair_kind, self.hat_kind, self.extra_kind = rng.integers(4), rng.integers(5), rng.integers(4)
        self.beard = rng.random() < 0.15
        self.extra = color(rng)

    def __call__(self, pose: np.ndarray) -> list[Part]:
        """The parts in a pose, from the back to the front."""
        neck = (0.02 * pose[7], -1 + 2 * self.head)
        face = (neck[0] + 0.03 * pose[7], -1 + self.head)
        return [
            *self._long_hair(face),
            *self._arm(neck, -1, pose[4], pose[6]),
            *self._leg(-1, pose[0], pose[2]),
            *self._leg(1, pose[1], pose[3]),
            *self._body(neck),
            *self._face(face, pose[7]),
            *self._hat(face),
            *self._arm(neck, 1, pose[5], -pose[6]),
        ]

    def _leg(self, side: float, swing: float, bend: float) -> list[Part]:
        thick = self.leg_thick
        start = (side * self.hip * 0.5, -self.legs)
        knee = joint(start, self.legs * 0.47, 0.5 * swing)
        foot = joint(knee, self.legs * 0.47, 0.5 * swing - 0.25 * (1 + bend))
        shoe = Part(ellipse(foot[0] + 0.02, foot[1], thick * 1.5, thick * 0.75), self.shoe)
        if self.dress:
            return [Part(limb(knee, foot, thick * 0.7, thick * 0.6), self.flesh), shoe]
        lower = Part(limb(knee, foot, thick * 0.9, thick * 0.7), self.flesh if self.short else self.bottom)
        return [lower, Part(limb(start, knee, thick * 1.1, thick), self.bottom), shoe]

    def _arm(self, neck: tuple[float, float], side: float, swing: float, bend: float) -> list[Part]:
        thick = self.thick
        start = (neck[0] + side * self.shoulder, neck[1] + 0.05)
        elbow = joint(start, self.arm * 0.5, side * 0.5 + 1.3 * swing)
        hand = joint(elbow, self.arm * 0.5, side * 0.5 + 1.3 * swing + 1.1 * bend)
        return [
            Part(limb(elbow, hand, thick * 0.95, thick * 0.75), self.top if self.sleeve else self.flesh),
            Part(limb(start, elbow, thick * 1.2, thick), self.top),
            Part(ellipse(*hand, thick * 1.2, thick * 1.2), self.flesh),
        ]

    def _body(self, neck: tuple[float, float]) -> list[Part]:
        (x, y), shoulder, waist = neck, self.shoulder, -self.legs
        wide = 2.2 * self.hip + 0.05 if self.dress else self.hip * 1.1
        low = waist * (0.35 if self.dress else 0.95)
        out = [
            Part(np.array([[x - shoulder, y + 0.02], [x + shoulder, y + 0.02], [wide, low], [-wide, low]]), self.top)
        ]
        if self.extra_kind == 1:  # a belt
            out.append(Part(box(-self.hip * 1.15, waist - 0.03, self.hip * 1.15, waist), self.extra))
        elif self.extra_kind == 2:  # a scarf
            out.append(Part(box(x - shoulder * 0.7, y - 0.01, x + shoulder * 0.7, y + 0.04), self.extra))
        elif self.extra_kind == 3:  # an apron, or a shirt front
            front = [[x - shoulder * 0.4, y + 0.06], [x + shoulder * 0.4, y + 0.06]]
            out.append(Part(np.array([*front, [wide * 0.6, low - 0.02], [-wide * 0.6, low - 0.02]]), self.extra))
        return out

    def _long_hair(self, face: tuple[float, float]) -> list[Part]:
        """What falls behind everything else."""
        fall = [[-1.15, -0.2], [1.15, -0.2], [1.4, 2.2], [-1.4, 2.2]]
        return [Part(np.array(fall) * self.head + face, self.hair)] if self.hair_kind == 2 else []

    def _face(self, face: tuple[float, float], turn: float) -> list[Part]:
        (x, y), head = face, self.head
        out = [Part(ellipse(x, y, head * 0.85, head), self.flesh)]
        if self.beard:
            out.append(Part(ellipse(x, y + head * 0.65, head * 0.6, head * 0.45), self.hair))
        if self.hair_kind:
            t = np.linspace(np.pi, 2 * np.pi, 14)
            cap = np.stack([np.cos(t) * head * 0.95, np.sin(t) * head * 1.1], 1)
            fringe = np.array([[0.5, -0.35], [0.0, -0.15], [-0.5, -0.4]]) * head
            out.append(Part(np.concatenate([cap, fringe]) + face, self.hair))
        if self.hair_kind == 3:  # a bun
            out.append(Part(ellipse(x - head * 0.2, y - head * 1.15, head * 0.4, head * 0.35), self.hair))
        for side in (-1, 1):
            eye = x + head * (0.32 * side + 0.15 * turn)
            out.append(Part(ellipse(eye, y - head * 0.05, head * 0.2, head * 0.22, n=12), WHITE))
            out.append(Part(ellipse(eye + head * 0.05, y, head * 0.09, head * 0.11, n=8), BLACK, False))
        return out

    def _hat(self, face: tuple[float, float]) -> list[Part]:
        x, y, head = face[0], face[1] - self.head * 0.55, self.head
        if self.hat_kind == 1:
            crown = box(x - head * 0.65, y - head * 1.0, x + head * 0.65, y)
            return [Part(crown, self.hat), Part(box(x - head * 1.2, y - 0.02, x + head * 1.2, y + 0.02), self.hat)]
        if self.hat_kind == 2:
            cone = [[-0.9, 0], [0.9, 0], [0.1, -1.5]]
            return [Part(np.array(cone) * head + (x, y), self.hat)]
        if self.hat_kind == 3:  # a cap
            return [Part(limb((x, y), (x + head, y), head * 0.4, head * 0.12), self.hat)]
        return []


def animal(rng: np.random.Generator) -> Figure:
    long, thick = rng.uniform(0.35, 0.6), rng.uniform(0.14, 0.24)
    leg, leg_r, head = rng.uniform(0.2, 0.4), rng.uniform(0.03, 0.06), rng.uniform(0.13, 0.22)
    fur, second, belly = color(rng), color(rng), color(rng)
    ear, spots, snout = rng.integers(3), int(rng.integers(4)), rng.uniform(0.5, 1.1)
    places = rng.uniform(-0.7, 0.7, (spots, 3))
    collar = rng.random() < 0.4
    collar_c = color(rng)

    def parts(pose: np.ndarray) -> list[Part]:
        out = []
        middle = -leg - thick * 0.7
        tail = (-long * 0.95, middle - thick * 0.3)
        end = joint(tail, 0.3, np.pi * 0.8 + pose[6] * 0.6)
        out.append(Part(limb(tail, end, 0.04, 0.025), second))
        for n, x in enumerate((-0.75, 0.75, -0.6, 0.6)):
            hip = (x * long, -leg)
            foot = joint(hip, leg, 0.6 * pose[n])
            out.append(Part(limb(hip, foot, leg_r * 1.3, leg_r), fur))
            out.append(Part(ellipse(foot[0] + 0.01, foot[1], leg_r * 1.3, leg_r * 0.8), second))
        out.append(Part(ellipse(0, middle, long, thick), fur))
        out.append(Part(ellipse(0, middle + thick * 0.55, long * 0.7, thick * 0.35), belly))
        for x, y, r in places:
            out.append(Part(ellipse(x * long, middle - thick * 0.25 + y * thick * 0.4, 0.05 + 0.03 * r, 0.05), second))
        place = (long * 0.95 + 0.05, middle - thick * 0.6 - head * 0.6 + 0.08 * pose[7])
        neck = (long * 0.75, middle - thick * 0.2)
        out.append(Part(limb(neck, place, head * 0.5, head * 0.5), fur))
        if collar:
            m = ((neck[0] + place[0]) / 2, (neck[1] + place[1]) / 2)
            out.append(Part(ellipse(*m, head * 0.6, head * 0.2, 0.6), collar_c))
        for side in (-1, 1):
            x = place[0] + side * head * 0.5
            if ear == 0:
                shape = np.array([[-0.3, 0], [0.3, 0], [side * 0.15, -0.9]]) * head + (x, place[1] - head * 0.6)
            elif ear == 1:
                shape = ellipse(x, place[1] - head * 1.1, head * 0.22, head * 0.7, 0.2 * side)
            else:
                shape = ellipse(x + side * head * 0.3, place[1], head * 0.25, head * 0.6, -0.2 * side)
            out.append(Part(shape, second))
        out.append(Part(ellipse(*place, head, head * 0.85), fur))
        nose = (place[0] + head * 0.75, place[1] + head * 0.3)
        out.append(Part(ellipse(*nose, head * 0.55 * snout, head * 0.4), belly))
        out.append(
            Part(ellipse(nose[0] + head * 0.4 * snout, nose[1] - head * 0.1, head * 0.15, head * 0.12), BLACK, False)
        )
        out.append(Part(ellipse(place[0] + head * 0.25, place[1] - head * 0.25, head * 0.18, head * 0.2), WHITE))
        out.append(Part(ellipse(place[0] + head * 0.3, place[1] - head * 0.22, head * 0.09, head * 0.1), BLACK, False))
        return out

    return parts


def vehicle(rng: np.random.Generator) -> Figure:
    long, low, cabin = rng.uniform(0.7, 1.3), rng.uniform(0.3, 0.5), rng.uniform(0.3, 0.9)
    wheel, at = rng.uniform(0.13, 0.24), rng.uniform(-0.4, 0.2)
    paint, second, glass, tyre, hub = (color(rng) for _ in range(5))
    windows, slant, boat = int(rng.integers(1, 4)), rng.uniform(0, 0.25), rng.random() < 0.2

    def parts(pose: np.ndarray) -> list[Part]:
        out = []
        top, y = -1 + 0.02 * pose[0], -wheel if not boat else -0.1
        x0, x1 = at * long - cabin * long / 2, at * long + cabin * long / 2
        roof = [[x0, -low - wheel], [x0 + slant, top], [x1 - slant, top], [x1, -low - wheel]]
        out.append(Part(np.array(roof), second))
        step = (x1 - x0 - 2 * slant) / windows
        for n in range(windows):
            left = x0 + slant + n * step
            out.append(Part(box(left + step * 0.12, top + 0.08, left + step * 0.88, -low - wheel - 0.04), glass))
        hull = [
            [-long, -low - wheel],
            [long, -low - wheel],
            [long * (0.7 if boat else 1), y],
            [-long * (0.8 if boat else 1), y],
        ]
        out.append(Part(np.array(hull), paint))
        out.append(Part(box(-long * 0.95, y - low * 0.45, long * 0.9, y - low * 0.3), second))
        out.append(Part(ellipse(long * 0.92, y - low * 0.7, 0.06, 0.06), hub))
        if not boat:
            for x in (-0.6, 0.6):
                out.append(Part(ellipse(x * long, -wheel, wheel, wheel), tyre))
                out.append(Part(ellipse(x * long, -wheel, wheel * 0.5, wheel * 0.5), hub))
                spoke = joint((x * long, -wheel), wheel * 0.45, 3 * pose[1])
                out.append(Part(limb((x * long, -wheel), spoke, 0.02, 0.02), tyre))
        return out

    return parts


def house(rng: np.random.Generator) -> Figure:
    wide, wall, roof = rng.uniform(0.3, 0.7), rng.uniform(0.45, 0.75), rng.uniform(1.0, 1.3)
    paint, tiles, door, glass, frame = (color(rng) for _ in range(5))
    columns, door_at, chimney = int(rng.integers(1, 4)), rng.uniform(-0.6, 0.6), rng.random() < 0.6

    def parts(pose: np.ndarray) -> list[Part]:
        out = []
        if chimney:
            out.append(Part(box(wide * 0.4, -1.02, wide * 0.6, -wall), door))
        out.append(Part(box(-wide, -wall, wide, 0), paint))
        out.append(
            Part(np.array([[-wide * roof, -wall], [wide * roof, -wall], [wide * 0.5, -1], [-wide * 0.5, -1]]), tiles)
        )
        for n in range(columns):
            x = wide * (-0.7 + 1.4 * (n + 0.5) / columns)
            out.append(Part(box(x - 0.09, -wall * 0.85, x + 0.09, -wall * 0.55), frame))
            out.append(Part(box(x - 0.06, -wall * 0.81, x + 0.06, -wall * 0.59), glass))
        x = door_at * wide
        out.append(Part(box(x - 0.09, -wall * 0.45, x + 0.09, 0), door))
        return out

    return parts


def tree(rng: np.random.Generator) -> Figure:
    trunk, crown, fruit = color(rng), color(rng), color(rng)
    if rng.random() < 0.5:
        trunk, crown = (0.45, 0.3, 0.15), (rng.uniform(0.1, 0.5), rng.uniform(0.45, 0.8), rng.uniform(0.1, 0.3))
    thick, kind = rng.uniform(0.04, 0.1), rng.integers(3)
    shape, fruits = blob(rng, 0, -0.68, 0.32, 0.5), rng.uniform(-0.2, 0.2, (int(rng.integers(0, 5)), 2))

    def parts(pose: np.ndarray) -> list[Part]:
        sway = 0.04 * pose[0]
        out = [
            Part(np.array([[-thick, 0], [thick, 0], [thick * 0.7 + sway, -0.6], [-thick * 0.7 + sway, -0.6]]), trunk)
        ]
        if kind == 0:
            for n in range(3):
                y, w = -0.25 - 0.25 * n, 0.36 - 0.08 * n
                out.append(Part(np.array([[-w, y], [w, y], [sway, y - 0.34]]), crown))
        else:
            out.append(Part(shape + np.array([sway, 0]), crown))
            out += [Part(ellipse(x + sway, y - 0.68, 0.045, 0.045, n=12), fruit) for x, y in fruits]
        return out

    return parts


def lump(rng: np.random.Generator) -> Figure:
    """A closed shape with others on it: a ball, a balloon, a flower, nothing in particular."""
    shape, count, paint = blob(rng, 0, -0.5, 0.45, rng.uniform(0, 0.6)), int(rng.integers(0, 5)), color(rng)
    inner = []
    for _ in range(count):
        x, y = rng.uniform(-0.22, 0.22, 2)
        inner.append((blob(rng, x, y - 0.5, rng.uniform(0.06, 0.16), 0.3), color(rng)))
    star = int(rng.integers(0, 9))
    petals, petal_c = [], color(rng)
    if star > 5:
        petals = [
            ellipse(0.33 * np.sin(t), -0.5 + 0.33 * np.cos(t), 0.17, 0.17) for t in np.arange(star) / star * 2 * np.pi
        ]
        shape = ellipse(0, -0.5, 0.22, 0.22)

    def parts(pose: np.ndarray) -> list[Part]:
        c, s = np.cos(0.5 * pose[0]), np.sin(0.5 * pose[0])
        turn = np.array([[c, s], [-s, c]])
        raw = [Part(p, petal_c) for p in petals] + [Part(shape, paint)] + [Part(o, tint) for o, tint in inner]
        return [Part((part.outline + np.array([0, 0.5])) @ turn - (0, 0.5), part.color) for part in raw]

    return parts


KINDS: tuple[tuple[Callable[[np.random.Generator], Figure], float], ...] = (
    (Person, 0.4), (animal, 0.2), (vehicle, 0.1), (house, 0.08), (tree, 0.07), (lump, 0.15),
)  # fmt: skip


def figure(rng: np.random.Generator) -> Figure:
    """Any figure."""
    return KINDS[rng.choice(len(KINDS), p=[share for _, share in KINDS])][0](rng)


def pose(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-1, 1, POSE)
