"""The submission's side of grading: answers, as plain data, what the grader's process asks for.

The kernel of a submission runs this while a test is examined (see ``grading.py``). Whatever a submission
does to it, nothing leaves the kernel but the numbers, texts and arrays that :func:`plain` writes.
"""

import base64
import io
import json
import pickle
import socket
import struct
import tempfile
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from scalinglab.course import Oracle
from scalinglab.data import IsoflopDesign, Runs
from scalinglab.laws import LossSurface

#: What an answer may be beside numbers, texts, arrays, lists and dictionaries: rebuilt from these fields.
RECORDS = {
    LossSurface: ("E", "A", "B", "alpha", "beta"),
    Runs: ("N", "D", "L", "C"),
    IsoflopDesign: ("budgets", "reach", "points", "offset", "drift"),
}
HEAD = struct.Struct(">I")


def serve(port: int, token: str, names: dict[str, Any]) -> None:
    """Answer questions about the names until the grader hangs up."""
    with socket.create_connection(("127.0.0.1", port)) as line, line.makefile("rwb") as stream:
        stream.write(token.encode())
        stream.flush()
        while head := stream.read(HEAD.size):
            question = stream.read(*HEAD.unpack(head))
            reply = json.dumps(answer(question, names)).encode()
            stream.write(HEAD.pack(len(reply)) + reply)
            stream.flush()


def answer(question: bytes, names: dict[str, Any]) -> dict[str, Any]:
    """The value of a name, or what a call of it returns; an error as text."""
    try:
        name, call = pickle.load(io.BytesIO(question))
        if name not in names:
            return {"missing": True}
        if call is None:
            return {"function": True} if callable(names[name]) else {"value": plain(names[name])}
        positional, named = call
        value = plain(names[name](*positional, **named))
        return {"value": value, "games": [game(one) for one in positional if isinstance(one, Oracle)]}
    except KeyboardInterrupt:
        raise  # time is up
    except BaseException as error:
        return {"error": [type(error).__name__, str(error)[:2000], steps(error)[-2000:]]}


def steps(error: BaseException) -> str:
    """Where in the submission's own cells an error came from."""
    frames = [step for step in traceback.extract_tb(error.__traceback__) if "ipykernel" in step.filename]
    return "\n".join(f"in {step.name}: {step.line}" for step in frames[-6:])


def game(oracle: Oracle) -> str:
    """What a game would hand in: the grader replays it."""
    with tempfile.TemporaryDirectory() as folder:
        oracle.save(Path(folder, "game.json"))
        return Path(folder, "game.json").read_text(encoding="utf-8")


def plain(value: Any) -> Any:
    """A value as what JSON can say; the inverse is :func:`grading.rebuilt`."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list | tuple):
        return {"list" if isinstance(value, list) else "tuple": [plain(one) for one in value]}
    if isinstance(value, dict):
        return {"pairs": [[plain(key), plain(one)] for key, one in value.items()]}
    for kind, fields in RECORDS.items():
        if isinstance(value, kind):
            return {"record": kind.__name__, "fields": [plain(getattr(value, field)) for field in fields]}
    array = np.asarray(value)
    if array.dtype.kind not in "biufcU":
        raise TypeError(
            f"the answer is a {type(value).__name__}; the tests take numbers, texts, arrays, lists, "
            "surfaces, runs and designs"
        )
    raw = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"array": [array.dtype.str, list(array.shape), raw]}
