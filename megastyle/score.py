"""The command that scores many pictures: every one of some folders against a set of references.

    python -m megastyle.score TESTS... --references FOLDER [--out STEM] [--at-least COSINE]

TESTS are folders or files. The pictures directly in a folder are one group, and each of its subfolders is one.
Embeddings are kept in ~/.cache/megastyle, so a run that was stopped goes on where it was, and one more epoch embeds
only that. The exit code is 0; 1 if a group's mean lies below COSINE; 2 if something cannot be used or done.

All numbers are put together once, as what STEM.json holds; the table, STEM.csv and STEM.html show them.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import logging
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from megastyle import folders
from megastyle.calibration import Calibration, find_calibration
from megastyle.comparison import (
    POSITIONS,
    Comparison,
    band_of,
    compare,
    positions,
    rounded,
    shown,
)
from megastyle.encoder import Encoder, load_encoder
from megastyle.folders import FolderError, Picture, Remarks, listed, place_of, printable
from megastyle.page.exports import (
    DECIMALS,
    agreement_record,
    calibration_named,
    csv_text,
    inert,
    precise,
    table,
)
from megastyle.page.outcome import now, provenance_of
from megastyle.page.result import FOLDER, render
from megastyle.page.ruler import Scale, stretches
from megastyle.page.words import REMARKS, of_thousand, short, warning

Rows = npt.NDArray[np.float32]
Groups = Mapping[str, Sequence[Picture]]
Record = dict[str, Any]  # a part of the JSON

HERE = Path(__file__).resolve().parent.parent
FORMAT = 1  # of the JSON
ENDINGS = (".csv", ".json", ".html")
RESAMPLES, SEED, TAILS = 10_000, 0, (0.025, 0.975)  # of the bootstrap
DRAWS_AT_ONCE = 1_000_000  # of the bootstrap, 8 MB
BEST_AND_WORST = 5  # pictures of each in the terminal's table
SHEET = 500  # pictures on the HTML page; if there are more, the best and the worst half of it
SHEET_REFERENCES = 60  # references on it
SHEET_BYTES = 4_200_000  # of all its pictures as base64; the page stays below 5 MB
SIDES = (144, 112, 80, 56)  # pixels, tried in this order until the pictures fit
AXIS_FROM = 0.4  # where the dot plot begins, unless a picture scores lower
BELOW = 1  # exit code
METHOD = (
    f"A group's mean is that of its pictures; its 95 % interval is a percentile bootstrap over pictures ({RESAMPLES:,} "
    f"resamples, seed {SEED}), that of a difference one over pairs. With few pictures it is too narrow."
)


# ------------------------------------------------------------------------------------------------------------- numbers


def interval_of(values: npt.NDArray[np.float64]) -> list[float] | None:
    """The ends of the bootstrap interval of the mean of (k,) values; None for one value."""
    if (count := len(values)) == 1:
        return None
    rng, rows = np.random.default_rng(SEED), max(1, DRAWS_AT_ONCE // count)
    sizes = [min(rows, RESAMPLES - start) for start in range(0, RESAMPLES, rows)]
    means = np.concatenate([values[rng.integers(count, size=(size, count))].mean(axis=1) for size in sizes])
    return list(np.quantile(means, TAILS).round(DECIMALS).tolist())


def picture_records(
    groups: Groups, rows: Rows, references: Comparison, calibration: Calibration | None
) -> list[Record]:
    """What `compare` says of each picture alone, in one matrix product; best first.

    Args:
        groups: the pictures.
        rows: (t + n, d) unit rows of all pictures, one group after the other, and of the references.
        references: the comparison of these.
        calibration: what a mean to the core is worth, if it is known.
    """
    names, core = references.reference_names, list(references.core)
    cosines = np.clip(rows[: -len(names)] @ rows[-len(names) :].T, -1, 1)  # (t, n)
    shown_cosines = cosines.astype(np.float64).round(DECIMALS).tolist()
    means, core_means = (part.mean(axis=1, dtype=np.float64).round(DECIMALS) for part in (cosines, cosines[:, core]))
    found: list[str | None] = [None] * len(cosines)
    if references.is_yardstick:
        found = [POSITIONS[index] for index in positions(cosines[:, core], references.among_core[None])]
    records = []
    for index, (group, picture) in enumerate((group, one) for group, inside in groups.items() for one in inside):
        mean, core_mean = float(means[index]), float(core_means[index])
        standing = calibration.standing(core_mean, len(core)) if calibration else None
        records.append(
            {
                "name": picture.name,
                "group": group,
                "sha256": picture.sha256,
                "mean_cosine": mean,
                "label": band_of(mean).label,
                "core_mean": core_mean,
                "position": found[index],
                "same_at_or_below": precise(standing.same_at_or_below) if standing else None,
                "different_at_or_above": precise(standing.different_at_or_above) if standing else None,
                "closest": names[int(cosines[index].argmax())],
                "furthest": names[int(cosines[index].argmin())],
                "cosines": shown_cosines[index],
            }
        )
    return sorted(records, key=lambda record: -record["mean_cosine"])


def group_records(pictures: Sequence[Record]) -> list[Record]:
    """The groups, best first: mean of the pictures, interval, and how many fit, are at the edge, lie apart."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for picture in pictures:
        groups[picture["group"]].append(picture)
    records: list[Record] = []
    for name, inside in groups.items():
        means, core_means = (np.array([picture[key] for picture in inside]) for key in ("mean_cosine", "core_mean"))
        counts = Counter(picture["position"] for picture in inside)
        records.append(
            {
                "name": name,
                "pictures": len(inside),
                "mean_cosine": precise(means.mean()),
                "interval": interval_of(means),
                "core_mean": precise(core_means.mean()),
                **{position: None if None in counts else counts[position] for position in POSITIONS},
            }
        )
    return sorted(records, key=lambda record: -record["mean_cosine"])


def pairs_record(groups: Sequence[str], pictures: Sequence[Record]) -> Record | None:
    """How the first of two groups differs from the second by the pictures of the same name, endings aside.

    None for another number of groups, for fewer than two such names, or if an ending alone tells two pictures apart.
    """
    if len(groups) != 2:
        return None
    named = [
        {Path(one["name"]).stem: one["mean_cosine"] for one in pictures if one["group"] == name} for name in groups
    ]
    both = sorted(named[0].keys() & named[1].keys())
    if len(both) < 2 or sum(map(len, named)) < len(pictures):
        return None
    differences = np.array([named[0][name] - named[1][name] for name in both])
    mean, interval = precise(differences.mean()), interval_of(differences)
    return {"groups": list(groups), "pairs": len(both), "mean_difference": mean, "interval": interval}


def scores_of(groups: Groups, references: Sequence[Picture], rows: Rows, encoder: Encoder, remarks: Remarks) -> Record:
    """All that is found out, as it stands in the JSON; `rows` are those of `picture_records`."""
    names, digests = (["", *(getattr(one, key) for one in references)] for key in ("name", "sha256"))
    against = compare(np.vstack([rows[:1], rows[-len(references) :]]), names, digests=digests)
    calibration = find_calibration(HERE / "calibration.json", encoder.source.sha256)
    provenance = provenance_of(asdict(encoder.source), encoder.processor.size["height"], HERE)
    pictures = picture_records(groups, rows, against, calibration)
    ranked = group_records(pictures)
    own = map(precise, against.leave_one_out) if len(references) > 1 else [None]
    about = calibration and calibration_named(calibration)
    if calibration and about and len(against.core) in calibration.rows:
        smallest = calibration.smallest_shares(len(against.core))
        about |= dict(zip(("same_smallest", "different_smallest"), map(precise, smallest), strict=True))
    return {
        "format": FORMAT,
        "warning": warning(provenance) or None,
        "groups": ranked,
        "pairs": pairs_record([name for name, inside in groups.items() if inside], pictures),
        "references": [
            {"name": one.name, "sha256": one.sha256, "leave_one_out": mean}
            for one, mean in zip(references, own, strict=True)
        ],
        "reference_agreement": agreement_record(against),
        "odd_one_out": against.odd_one_out,
        "set": set_sentences(against),
        "pictures": pictures,
        "remarks": remarks.lines(),
        "calibration": about,
        "encoder": dict(provenance.encoder),
        "versions": dict(provenance.versions),
        "method": f"{provenance.method} {METHOD}",
        "page": provenance.page,
        "made": now(),
    }


# --------------------------------------------------------------------------------------------------------------- words


def set_sentences(references: Comparison) -> list[str]:
    """What is known of the references before any picture is scored."""
    agreement, odd, count = references.agreement, references.odd_one_out, len(references.reference_names)
    if agreement is None:
        return ["One reference is no set: nothing can be said of whether a picture fits."]
    sentences = []
    if odd is not None:
        name, own = references.reference_names[odd], shown(references.leave_one_out[odd])
        rest = f"means are over all {count} references, positions and frequencies without it"
        sentences.append(f"Agrees least: {name}, at {own} to the others; {rest}.")
    spread = f" ({shown(agreement.min)} to {shown(agreement.max)})" if references.is_yardstick else ""
    others = f"{count} references agree" if odd is None else f"The other {count - 1} agree"
    sentences.append(f"{others} with each other at {shown(agreement.mean)}{spread}.")
    if references.is_loose:
        sentences.append("A loose set: they hardly share a style, so a mean over them says little.")
    if not references.is_yardstick:
        sentences.append("Two references are too few to say whether a picture fits.")
    return sentences


def interval_words(interval: Sequence[float] | None, sign: str = "") -> str:
    """`0.712 to 0.745`."""
    return " to ".join(f"{rounded(end):{sign}.3f}" for end in interval) if interval else "one picture"


def without_words(scores: Record) -> str:
    """`without 08.png`, the reference that a mean to the core leaves out; empty if it is none."""
    odd = scores["odd_one_out"]
    return "" if odd is None else f"without {short(scores['references'][odd]['name'])}"


def pairs_sentences(scores: Record) -> list[str]:
    """The paired difference, if there is one."""
    if not (pairs := scores["pairs"]):
        return []
    mean, ends = f"{rounded(pairs['mean_difference']):+.3f}", interval_words(pairs["interval"], "+")
    words = f"{' minus '.join(pairs['groups'])} is {mean} on average (95 % interval {ends})"
    return [f"{pairs['pairs']} pairs of pictures with the same name: {words}."]


def terminal_text(scores: Record) -> str:
    """What is printed: the set, the groups, the best and the worst pictures."""
    without = without_words(scores)
    groups = [("group", "pictures", "mean", "95 % interval", *([without] if without else []), *POSITIONS)]
    for group in scores["groups"]:
        counts = ("-" if group[position] is None else str(group[position]) for position in POSITIONS)
        core = [shown(group["core_mean"])] if without else []
        mean, interval = shown(group["mean_cosine"]), interval_words(group["interval"])
        groups.append((group["name"], str(group["pictures"]), mean, interval, *core, *counts))
    pictures: list[tuple[str, ...]] = [
        (shown(one["mean_cosine"]), one["label"].split()[0], one["position"] or "-", one["group"], one["name"])
        for one in scores["pictures"]
    ]
    parts = {"Pictures, best first:": pictures}
    if len(pictures) > 2 * BEST_AND_WORST:
        parts = {"Best:": pictures[:BEST_AND_WORST], "Worst:": pictures[-BEST_AND_WORST:]}
    lines = [*([scores["warning"], ""] if scores["warning"] else []), *scores["set"]]
    lines += ["", *table(groups, cosines=2), *(line for pairs in pairs_sentences(scores) for line in ("", pairs))]
    return "\n".join(
        [*lines, *(line for title, rows in parts.items() for line in ("", title, *table(rows, cosines=0)))]
    )


# --------------------------------------------------------------------------------------------------------------- files


def csv_of(scores: Record) -> str:
    """One row a picture, best first; below, what it is."""
    keys = ("name", "group", "mean_cosine", "label", "position", "closest", "furthest")
    names = [inert(reference["name"]) for reference in scores["references"]]
    rows = [
        [*(inert(one[key]) if isinstance(one[key], str) else one[key] for key in keys), *one["cosines"]]
        for one in scores["pictures"]
    ]
    said = [("warning", scores["warning"])] if scores["warning"] else []
    for group in scores["groups"]:
        interval = f"95 % interval {interval_words(group['interval'])}"
        said += [("group", f"{group['name']}: mean {group['mean_cosine']}, {interval}, {group['pictures']} pictures")]
    said += [("set", sentence) for sentence in [*scores["set"], *pairs_sentences(scores)]]
    said += [("remark", remark) for remark in scores["remarks"]]
    encoder = scores["encoder"]
    said += [("encoder", encoder["checkpoint"]), ("encoder sha256", encoder["sha256"]), ("made", scores["made"])]
    return csv_text([["picture", *keys[1:], *names], *rows], [(f"# {what}", inert(words)) for what, words in said])


def smaller(thumbnail: bytes, side: int) -> bytes:
    """A thumbnail of at most `side` pixels."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(thumbnail), formats=["WEBP"]) as image:
        image.thumbnail((side, side))
        image.save(file, "WEBP")
    return file.getvalue()


def fitting(thumbnails: Mapping[str, bytes]) -> dict[str, str]:
    """Thumbnails as data URIs, made smaller until SHEET_BYTES are enough for so many; each is coded again but once."""
    sized = thumbnails
    for side in SIDES:
        if sum(map(len, sized.values())) * 4 / 3 <= SHEET_BYTES:
            break
        sized = {sha256: smaller(thumbnail, side) for sha256, thumbnail in thumbnails.items()}
    return {sha256: f"data:image/webp;base64,{base64.b64encode(made).decode()}" for sha256, made in sized.items()}


def html_text(scores: Record, store: folders.Store) -> str:
    """One page that opens offline, asks no host and runs no script."""
    pictures, references = scores["pictures"], scores["references"][:SHEET_REFERENCES]
    sheet = [*pictures[: SHEET // 2], *pictures[max(SHEET // 2, len(pictures) - SHEET // 2) :]]
    scale = Scale(float(np.floor(min(pictures[-1]["mean_cosine"], AXIS_FROM) * 10) / 10))
    dots: dict[str, set[float]] = defaultdict(set)
    for picture in pictures:
        dots[picture["group"]].add(round(scale.place(picture["mean_cosine"]), 1))
    wanted = dict.fromkeys(one["sha256"] for one in [*references, *sheet])
    return render(
        "score.html",
        css=Markup((FOLDER / "result.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        scores=scores,
        sentences=[*scores["set"], *pairs_sentences(scores)],
        bands=stretches(scale),
        scale=scale,
        dots={name: sorted(found) for name, found in dots.items()},
        interval_words=interval_words,
        of_thousand=of_thousand,
        without=without_words(scores),
        sheet=sheet,
        references=references,
        thumbnails=fitting({sha256: known.thumbnail for sha256 in wanted if (known := store.get(sha256))}),
    )


# ------------------------------------------------------------------------------------------------------------- command


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m megastyle.score", description="Score pictures against a set.")
    parser.add_argument("tests", type=Path, nargs="+", help="folders or files; each folder or subfolder is a group")
    parser.add_argument("--references", type=Path, required=True, help="the folder of reference pictures")
    parser.add_argument("--out", type=Path, help="beginning of the files' names: STEM.csv, STEM.json, STEM.html")
    parser.add_argument("--at-least", type=float, help="end with 1 if the mean of a group lies below this cosine")
    return parser.parse_args(words)


def places_of(stem: Path | None) -> list[Path]:
    """The files that are written; none without a stem.

    Raises:
        FolderError: they could not be written.
    """
    if stem is None:
        return []
    if stem.is_dir():
        raise FolderError(f"{printable(str(stem))} is a folder; --out names the beginning of three files in it")
    stem = stem.with_suffix("") if stem.suffix in ENDINGS else stem
    places = [stem.with_name(stem.name + ending) for ending in ENDINGS]
    folders.require_places(places)
    return places


def files_by_group(tests: Sequence[Path], remarks: Remarks) -> dict[str, list[Path]]:
    """The files of each group, by the shortest end of its path that no other group has.

    Raises:
        FolderError: one of `tests` is not there, or two groups cannot be told apart.
    """
    found: dict[Path, list[Path]] = {}
    for test in tests:
        if not os.path.lexists(test):
            raise FolderError(f"{printable(str(test))} is not there")
        if test.is_dir():
            files, subfolders = folders.inside(test, remarks)
            parts = {test: files} | {subfolder: folders.files_in(subfolder, remarks) for subfolder in subfolders}
        else:
            parts = {test.parent: folders.sort_out([test], remarks)[0]}
        for folder, files in parts.items():
            found.setdefault(folder.resolve(), []).extend(files)
    distinct = {folder.parts: {file.name: file for file in files} for folder, files in found.items() if files}
    ends = Counter(parts[-depth:] for parts in distinct for depth in range(1, len(parts) + 1))
    names = [next(parts[-d:] for d in range(1, len(parts) + 1) if ends[parts[-d:]] == 1) for parts in distinct]
    groups = {
        printable("/".join(name)): [*files.values()] for name, files in zip(names, distinct.values(), strict=True)
    }
    if len(groups) < len(distinct):
        raise FolderError("two groups have names that can only be told apart by characters that cannot be printed")
    return groups


def look(asked: argparse.Namespace, remarks: Remarks) -> tuple[dict[str, list[Picture]], list[Picture]]:
    """The pictures of each group and the references, each content of these once and in no group.

    Raises:
        FolderError: a folder cannot be read.
    """
    files = {"": folders.files_in(asked.references, remarks)} | files_by_group(asked.tests, remarks)
    groups = folders.look(files, remarks)
    references: dict[str, Picture] = {}
    for picture in groups.pop(""):
        if references.setdefault(picture.sha256, picture) is not picture:
            remarks.left_out["is a copy of another reference."].append(place_of(picture.path))
    for group, pictures in groups.items():
        groups[group] = [one for one in pictures if one.sha256 not in references]
        known = [place_of(one.path) for one in pictures if one.sha256 in references]
        if known:
            remarks.left_out["is a reference too."] += known
    return groups, [*references.values()]


def note_remarks(pictures: Sequence[Picture], store: folders.Store, remarks: Remarks) -> None:
    """Note what a reader of a score should know of its picture."""
    places: dict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        for key in getattr(store.get(picture.sha256), "remarks", ()):
            places[REMARKS[key]].append(place_of(picture.path))
    remarks.notes += [f"{words.rstrip('.')} ({len(names)}): {listed(names)}." for words, names in places.items()]


def require_some(groups: Groups, references: Sequence[Picture], remarks: Remarks) -> None:
    """Refuse a run without a picture or without a reference.

    Raises:
        FolderError: it is one.
    """
    if not (any(groups.values()) and references):
        raise FolderError(
            f"there is no {'picture to score' if references else 'reference'}. {' '.join(remarks.lines())}"
        )


def below(scores: Record, at_least: float) -> list[str]:
    """The groups whose mean, as shown, lies below the wanted one."""
    return [
        f"{group['name']}: its mean {shown(group['mean_cosine'])} is below {at_least}"
        for group in scores["groups"]
        if rounded(group["mean_cosine"]) < at_least
    ]


def run(asked: argparse.Namespace) -> int:
    """Look, embed, score, write; gives the exit code.

    Raises:
        ValueError, EncoderError: it cannot be done.
    """
    if asked.at_least is not None and not -1 <= asked.at_least <= 1:
        raise FolderError(f"--at-least expects a cosine from -1 to 1, got {asked.at_least}")
    places = places_of(asked.out)
    remarks = Remarks()
    groups, references = look(asked, remarks)
    require_some(groups, references, remarks)
    encoder = load_encoder()
    with closing(folders.Store(folders.cache_folder(), folders.made_with(encoder))) as store:
        everything = [*(picture for pictures in groups.values() for picture in pictures), *references]
        embedded = folders.embed_all(everything, encoder, store, remarks)
        groups = {group: [one for one in pictures if one.sha256 in embedded] for group, pictures in groups.items()}
        references = [one for one in references if one.sha256 in embedded]
        require_some(groups, references, remarks)
        note_remarks(everything, store, remarks)
        if empty := [group for group, pictures in groups.items() if not pictures]:
            remarks.notes.append(f"Groups without a picture to score ({len(empty)}): {listed(empty)}.")
        rows = np.stack([embedded[one.sha256] for one in everything if one.sha256 in embedded])
        scores = scores_of(groups, references, rows, encoder, remarks)
        data = json.dumps(scores, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        texts = (csv_of(scores), data, html_text(scores, store)) if places else ()
    print(*scores["remarks"], "", terminal_text(scores), sep="\n", flush=True)
    if empty and asked.at_least is not None:
        raise FolderError(f"no picture of {listed(empty)} can be scored, so --at-least cannot be answered")
    folders.write_together(dict(zip(places, texts, strict=True)))
    if places:
        print(f"\nWritten: {', '.join(printable(str(place)) for place in places)}", flush=True)
    failing = below(scores, asked.at_least) if asked.at_least is not None else []
    print(*failing, sep="\n", end="\n" if failing else "", file=sys.stderr)
    return BELOW if failing else 0


def main(words: Sequence[str] | None = None) -> int:
    """The command; gives the exit code."""
    asked = arguments(words)
    return folders.command(lambda: run(asked), "Not scored")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(main())
