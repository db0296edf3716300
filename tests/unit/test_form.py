"""The form of an upload is judged while it arrives: the same however it is cut, and within its limits."""

from __future__ import annotations

from types import ModuleType

import pytest
from starlette.formparsers import MultiPartException

from forms import END, FORM, part
from megastyle.comparison import MAX_REFERENCES
from megastyle.form import Form, Limits
from megastyle.pictures import MAX_FILE_BYTES

SMALL = Limits(upload_bytes=1000, upload_files=3, event_bytes=100)
MB = 2**20
SECOND_HEADER = b'\r\nContent-Disposition: form-data; name="field"\r\n\r\n'


def read(body: bytes, step: int) -> None:
    """Read a form with small limits in pieces of `step` bytes."""
    form = Form(FORM["content-type"], SMALL)
    for start in range(0, len(body), step):
        form.add(body[start : start + step])


@pytest.mark.parametrize("step", [1, 2, 7, 4096])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (part(b"a") * 3 + END, None),
        (part(b"a") * 4 + END, "Too many files at once: choose at most 3."),
        (part(b"--edge\r\n-edge--") + END, None),
        (part(bytes(1000 - len(part(b"") + END))) + END, None),
        (part(bytes(1001 - len(part(b"") + END))) + END, "exceed the maximum allowed size of 0 MB together"),
        (part(b"a", filename=None) + END, "holds files and nothing else"),
        (part(b"a", name="other") + END, "holds files and nothing else"),
        (part(b"a").replace(b"Content-Disposition", b"content-disposition") + END, None),
        (part(b"a").replace(b"Content-Disposition", b"X-Other") + END, "holds files and nothing else"),
        (
            part(b"a").replace(b"\r\n\r\n", SECOND_HEADER) + END,
            "holds files and nothing else",
        ),
        (b"no form at all", "cannot be read"),
    ],
)
def test_a_form_is_judged_the_same_however_it_is_cut(body: bytes, words: str | None, step: int) -> None:
    """Into bytes, into pieces, in one."""
    if words is None:
        read(body, step)
    else:
        with pytest.raises(MultiPartException) as refusal:
            read(body, step)
        assert words in refusal.value.message


def test_the_largest_comparison_has_room_in_one_upload(app: ModuleType) -> None:
    """Eight files of the most bytes, with long names: nobody who keeps to the other limits is refused by these."""
    form, empty = Form(FORM["content-type"], app.LIMITS), part(b"", filename="\N{SNOWMAN}" * 300)
    for _ in range(MAX_REFERENCES):
        form.add(empty.removesuffix(b"\r\n"))
        for _ in range(MAX_FILE_BYTES // MB):
            form.add(bytes(MB))
        form.add(b"\r\n")
    form.add(END)
    assert form.files == MAX_REFERENCES
    assert form.bytes > MAX_REFERENCES * MAX_FILE_BYTES
