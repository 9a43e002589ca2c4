"""Makes the four fonts here from those of Tinos: the letters a Vietnamese paper can need, no hinting.

    pip install fonttools
    python3 subset.py FOLDER_OF_TINOS

Renamed, because the Open Font License reserves the name Tinos for the unaltered fonts. Run it again
only to change what letters there are; what it writes is the same for the same fonttools (4.x).
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FAMILY = "Lien Thong Serif"
# Latin with all Vietnamese, minorities' and neighbours' letters; combining marks; Greek; Cyrillic;
# punctuation, currency and number signs.
LETTERS = [
    *range(0x20, 0x7F), *range(0xA0, 0x250), *range(0x2B0, 0x370), *range(0x370, 0x400),
    *range(0x400, 0x460), *range(0x1E00, 0x1F00), *range(0x2000, 0x2070), *range(0x20A0, 0x20C0),
    0x2116, 0x2122, *range(0x2150, 0x2160), *range(0x2190, 0x2194), 0x2212, 0x2248, 0x2260,
    0x2264, 0x2265, 0x25CC,
]
FACES = {
    "Regular": "regular", "Bold": "bold", "Italic": "italic", "BoldItalic": "bold-italic",
}


def make(source: Path, style: str, target: Path) -> None:
    """Subsets and renames one face."""
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["DSIG", "GPOS", "GSUB", "GDEF", "gasp"]
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=LETTERS)
    subsetter.subset(font)
    spoken = {"BoldItalic": "Bold Italic"}.get(style, style)
    names = {
        0: "Copyright 2010 Google Inc. All Rights Reserved. Modified: fewer letters, no hinting, renamed.",
        1: FAMILY,
        2: spoken,
        3: f"{FAMILY} {spoken}",
        4: f"{FAMILY} {spoken}",
        6: f"{FAMILY.replace(' ', '')}-{style}",
    }
    for record in font["name"].names:
        if record.nameID in names:
            record.string = names[record.nameID]
    font.save(target)


if __name__ == "__main__":
    here = Path(__file__).parent
    for style, word in FACES.items():
        make(Path(sys.argv[1]) / f"Tinos-{style}.ttf", style, here / f"{word}.ttf")
