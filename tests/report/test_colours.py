"""The colours of the lines stay apart for every eye, and stand out from the page.

Colour blindness is simulated by the matrices of Machado, Oliveira and Fernandes (2009), IEEE
Transactions on Visualization and Computer Graphics 15, 1291-1298, for full severity; distances
are those of the Oklab space.
"""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import actlab.report

EYES = {
    "usual": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
TO_CONES = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip
APART = 0.09
"""Nearly a tenth of the way from black to white; eight hues of even lightness come to 0.02."""


def palettes():
    folder = Path(actlab.report.__file__).parent / "templates"
    found = {"light": {}, "dark": {}}
    for name in ("house.css", "page.css"):
        text = (folder / name).read_text(encoding="utf-8")
        parts = text.split("@media screen and (prefers-color-scheme: dark)", 1)
        for theme, part in zip(found.values(), parts, strict=True):
            theme |= dict(re.findall(r"--(\w+): (#[0-9a-f]{6})\b", part))
    return found


def linear(colour):
    share = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def seen(colour, eye):
    return TO_LAB @ np.cbrt(TO_CONES @ np.clip(EYES[eye] @ linear(colour), 0, 1))


def nearest(colours, eye):
    places = [seen(colour, eye) for colour in colours]
    return min(np.linalg.norm(a - b) for a, b in combinations(places, 2))


def contrast(a, b):
    one, other = sorted(linear(c) @ np.array([0.2126, 0.7152, 0.0722]) for c in (a, b))
    return (other + 0.05) / (one + 0.05)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_are_told_apart(theme, eye):
    palette = palettes()[theme]
    assert nearest([palette[f"c{place}"] for place in range(8)], eye) > APART


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_stand_out(theme):
    """WCAG 2.2, 1.4.11: a contrast of at least 3."""
    palette = palettes()[theme]
    for place in range(8):
        assert contrast(palette[f"c{place}"], palette["page"]) > 3


def test_red_and_green_of_even_lightness_are_found():
    assert nearest(["#b8470b", "#8a6100"], "usual") > APART
    assert nearest(["#b8470b", "#8a6100"], "protan") < APART
