"""Changes to inputs for `fuzz_inputs.py`: some may ruin them, others change nothing."""

import json
import random
import re
from collections.abc import Callable, Iterable

import numpy as np
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

_NUMBER = re.compile(rb"[+-]?\d+\.?\d*(?:[eE][+-]?\d+)?")
_NUMBERS = (
    b"0 -1 1 0.5 0.33 120 90 -0.0 4.18(2) . ? *** 1d0 5.9-105 0x10 1/3 1_0 nan inf 1e308 -1e308 "
    b"1e-308 1e999 999999999 99999999999999999999 \xd9\xa3"
).split()
_ENDS = [b"\n", b"\r\n", b"\r"]


def damage(rng: random.Random, content: bytes) -> bytes:
    """Apply one to three changes that may make an input wrong, or leave nothing of it."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        content = rng.choice(_DAMAGES)(rng, content)
    return content


def _flip(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 5, 50])):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, content: bytes) -> bytes:
    first, last = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return rng.choice([content[:first], content[first:], content[:first] + content[last:]])


def _lines(rng: random.Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    change = rng.randrange(4)
    if change == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif change == 1:
        lines.insert(other, lines[one])
    elif change == 2:
        del lines[one]
    else:
        lines[one:one] = [lines[one]] * rng.choice([2, 100])
    return b"\n".join(lines)


def _number(rng: random.Random, content: bytes) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return content
    match = rng.choice(found)
    new = rng.choice(
        [*_NUMBERS, b"%.6f" % rng.uniform(-2, 12), match[0] * 3, match[0][:-1], b"-" + match[0]]
    )
    return content[: match.start()] + new + content[match.end() :]


def _case(rng: random.Random, content: bytes) -> bytes:
    words = re.split(rb"(\s+)", content)
    for _ in range(rng.choice([1, 10])):
        place = rng.randrange(len(words))
        words[place] = rng.choice(
            [words[place].upper(), words[place].lower(), words[place].swapcase()]
        )
    return b"".join(words)


def _quotes(rng: random.Random, content: bytes) -> bytes:
    old, new = rng.sample([b"'", b'"', b"", b"`", b";", b"#"], 2)
    return content.replace(old, new, rng.choice([1, 2, -1])) if old else _insert(rng, content, new)


def _insert(rng: random.Random, content: bytes, new: bytes | None = None) -> bytes:
    place = rng.randrange(len(content) + 1)
    odd = [
        b"\0",
        b"\xff\xfe",
        b"\t",
        b"[" * 2000,
        b"9" * 400,
        "é☃".encode(),
        b"\x1a",
        rng.randbytes(8),
    ]
    return content[:place] + (rng.choice(odd) if new is None else new) + content[place:]


def _ends(rng: random.Random, content: bytes) -> bytes:
    return re.sub(rb"\n", lambda _: rng.choice(_ENDS), content)


def _whole(rng: random.Random, content: bytes) -> bytes:
    return rng.choice(
        [
            b"",
            b"\n",
            content * 2,
            content[::-1],
            content.replace(b" ", b""),
            b"\xef\xbb\xbf" + content,
        ]
    )


_DAMAGES: list[Callable[[random.Random, bytes], bytes]] = [
    *[
        _flip,
        _cut,
        _lines,
        _lines,
        _number,
        _number,
        _number,
        _case,
        _quotes,
        _insert,
        _ends,
        _whole,
    ]
]


def same_crystal(rng: random.Random, structure: Structure) -> Structure:
    """Write a crystal in another cell, at another origin, turned, its atoms in another order."""
    changed = structure.get_primitive_structure() if rng.random() < 0.3 else structure.copy()
    if rng.random() < 0.4:
        upper, lower = np.eye(3, dtype=int), np.eye(3, dtype=int)
        upper[np.triu_indices(3, 1)] = [rng.choice([-1, 0, 0, 1]) for _ in range(3)]
        lower[np.tril_indices(3, -1)] = [rng.choice([-1, 0, 0, 1]) for _ in range(3)]
        changed = changed.make_supercell(upper @ lower, to_unit_cell=True)
    if rng.random() < 0.4:
        shift = [rng.random() for _ in range(3)]
        changed.translate_sites(range(len(changed)), shift, to_unit_cell=rng.random() < 0.5)
    matrix = changed.lattice.matrix
    if rng.random() < 0.3:
        turn, _ = np.linalg.qr(np.array([[rng.gauss(0, 1) for _ in range(3)] for _ in range(3)]))
        matrix = matrix @ turn
    order = list(range(len(changed)))
    rng.shuffle(order)
    symbols = [changed[i].specie.symbol for i in order]
    return Structure(Lattice(matrix), symbols, changed.frac_coords[order])


def same_cif(rng: random.Random, structure: Structure) -> bytes:
    """Write a CIF of a crystal, in one of the ways that CIF allows."""
    text = str(CifWriter(structure, symprec=rng.choice([None, 0.01, 0.01])))
    blocks = _cif_blocks(text)
    rng.shuffle(blocks)
    if rng.random() < 0.5:
        blocks = [_other_loop(rng, block) if block[0] == "loop_" else block for block in blocks]
    text = "\n".join(["data_x", *("\n".join(block) for block in blocks), ""])
    if rng.random() < 0.3:
        case = rng.choice([str.upper, str.lower, str.title])
        text = re.sub(r"^\s*(_\S+|loop_|data_)", lambda m: case(m[0]), text, flags=re.MULTILINE)
    if rng.random() < 0.3:
        text = re.sub(r"'([^'\n\"]*)'", r'"\1"', text)
    if rng.random() < 0.3:
        text = re.sub(
            r"\n", lambda _: rng.choice(["\n", "\n", " \n", "\n\n", " # a remark\n"]), text
        )
    if rng.random() < 0.2:
        text = re.sub(r"(_cell_(?:length|angle)_\w+ +[\d.]+)", r"\1(3)", text, flags=re.IGNORECASE)
    return _ended(rng, text)


def _cif_blocks(text: str) -> list[list[str]]:
    """Cut a CIF of CifWriter into items and loops, each as lines."""
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith(("#", "data_")) or not line.strip():
            continue
        in_loop = bool(blocks) and blocks[-1][0] == "loop_"
        if line.startswith("_") or line == "loop_":
            blocks.append([line])
        elif in_loop or blocks[-1][0].startswith("_"):
            blocks[-1].append(line)
    return blocks


def _other_loop(rng: random.Random, block: list[str]) -> list[str]:
    """Shuffle the rows of a loop, and its columns."""
    tags = [line.strip() for line in block[1:] if line.lstrip().startswith("_")]
    rows = [re.findall(r"'[^']*'|\S+", line) for line in block[1 + len(tags) :]]
    rng.shuffle(rows)
    order = list(range(len(tags)))
    rng.shuffle(order)
    return [
        "loop_",
        *(f" {tags[i]}" for i in order),
        *("  ".join(row[i] for i in order) for row in rows),
    ]


def same_poscar(rng: random.Random, structure: Structure, first: str | None = None) -> bytes:
    """Write a POSCAR of a crystal, in one of the ways that VASP takes; perhaps an element first."""
    names = list(dict.fromkeys(site.specie.symbol for site in structure))
    rng.shuffle(names)
    names.sort(key=lambda name: name != first)
    structure = structure.get_sorted_structure(key=lambda site: names.index(site.specie.symbol))
    symbols = [site.specie.symbol for site in structure]
    volume = structure.volume
    factors = rng.choice([[1.0], [4.2], [0.5, 2.0, 3.0], [-volume]])
    scale = np.broadcast_to(np.cbrt(volume) if factors[0] < 0 else factors, 3).astype(float)
    cartesian = rng.random() < 0.5
    coords = structure.cart_coords / scale if cartesian else structure.frac_coords
    selective = rng.random() < 0.3
    remark = rng.choice(["", "", " ! a remark", "  # a remark"])
    fortran = rng.random() < 0.2

    def numbers(row: Iterable[float]) -> str:
        text = "  ".join(f"{x:.15e}" if fortran else f"{x:.14f}" for x in row)
        return text.replace("e", rng.choice("DdE"))

    lines = [
        rng.choice(["a crystal", "", "  # 1.0"]),
        numbers(factors) + remark,
        *(numbers(row) + remark for row in structure.lattice.matrix / scale),
        " ".join(name + rng.choice(["", "", "_pv", "/ab12", "_sv/9f0e"]) for name in names)
        + remark,
        " ".join(str(symbols.count(name)) for name in names) + remark,
        *(["Selective dynamics"] if selective else []),
        rng.choice(["Cartesian", "cart", "K"] if cartesian else ["Direct", "direct", "d"]),
        *(
            numbers(row) + (" T F T" if selective else "") + rng.choice(["", "", f" {symbol}"])
            for row, symbol in zip(coords, symbols, strict=True)
        ),
        *rng.choice([[], [""], ["", *("0.1 0.2 0.3" for _ in symbols)]]),
    ]
    return _ended(rng, "\n".join(lines) + rng.choice(["", "\n"]))


def same_json(rng: random.Random, structure: Structure) -> bytes:
    """Write a crystal as pymatgen does, or a document or an entry with it."""
    data = structure.as_dict(verbosity=rng.choice([0, 1]))
    keys = list(data)
    rng.shuffle(keys)
    data = {key: data[key] for key in keys}
    document = {"material_id": "mp-1", "structure": data, "energy": -1.0}
    entry = {"@class": "ComputedStructureEntry", "entry_id": "mp-1-GGA", "structure": data}
    written = rng.choice([data, [data], {"a": data}, document, [document], entry, {"a": entry}])
    return _ended(rng, json.dumps(written, indent=rng.choice([None, 2])))


def same_feff_input(rng: random.Random, text: str) -> bytes:
    """Write a feff.inp with its atoms turned, moved and shuffled, its cards as one likes."""
    head, _, rows = text.partition("ATOMS\n")
    atoms = [line.split() for line in rows.splitlines() if line != "END"]
    turn, _ = np.linalg.qr(np.array([[rng.gauss(0, 1) for _ in range(3)] for _ in range(3)]))
    places = np.array([row[:3] for row in atoms], dtype=float) @ turn + rng.random()
    letter = rng.choice("DdEe")
    written = [
        " ".join(f"{x:.10e}".replace("e", letter) for x in place) + f" {row[3]}"
        for place, row in zip(places, atoms, strict=True)
    ]
    rng.shuffle(written)
    head = rng.choice([head, head.lower(), re.sub("(?m)$", " * a remark", head)])
    return _ended(rng, "\n".join(["* a title", head.rstrip(), "ATOMS", *written, "END", ""]))


def same_feff_output(rng: random.Random, text: str) -> bytes:
    """Write FEFF's table with other ends of lines, and perhaps without the last one."""
    return _ended(rng, text.rstrip("\n") + rng.choice(["", "\n", "\n\n"]))


def _ended(rng: random.Random, text: str) -> bytes:
    return text.encode().replace(b"\n", rng.choice(_ENDS))
