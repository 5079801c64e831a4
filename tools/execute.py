"""Run the notebooks of the book side by side, into the cache that the build reads.

``python tools/execute.py [folder]`` runs every page of the contents whose outputs are not in the cache of a
folder (``_build``), as many at once as there are processors, and names each page whose outputs are there. A
cell that fails is an error: page and traceback are printed.
"""

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What is heavy is imported where it is used: a forked kernel reads this file, too.

ROOT = Path(__file__).parents[1]
TIMEOUT = 120  # seconds a cell may take


def pages(contents: Any) -> Iterator[Path]:
    """Every file of the table of contents, in its order."""
    for value in contents.values() if isinstance(contents, dict) else contents:
        if isinstance(value, dict | list):
            yield from pages(value)
    if isinstance(contents, dict):
        yield from (ROOT / f"{contents[key]}.md" for key in ("root", "file") if key in contents)


def read(page: Path) -> Any:
    """The notebook of a page as the build reads it; None where a page has no cells."""
    from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
    from myst_parser.config.main import MdParserConfig

    text = page.read_text(encoding="utf-8")
    if not is_myst_markdown_notebook(text):
        return None
    return read_myst_markdown_notebook(text, MdParserConfig(), add_source_map=True, path=page)


def opened(folder: Path) -> Any:
    """The cache in a folder, a new one in the place of what an interrupted build has spoilt."""
    from jupyter_cache import get_cache

    cache = get_cache(folder)
    try:
        for record in cache.list_cache_records():
            cache.get_cache_bundle(record.pk)
    except Exception as error:
        print(f"the cache cannot be read ({type(error).__name__}): all pages run anew", flush=True)
        shutil.rmtree(folder)
        cache = get_cache(folder)
    return cache


async def run(page: Path, notebook: Any, cache: Any, places: asyncio.Semaphore) -> str:
    """Run one notebook and keep its outputs; returns what went wrong."""
    from jupyter_cache.base import CacheBundleIn
    from kernels import QuickManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    async with places:
        loop = asyncio.get_running_loop()
        client = NotebookClient(
            notebook,
            kernel_manager_class=QuickManager,
            timeout=TIMEOUT,
            record_timing=False,
            resources={"metadata": {"path": str(page.parent)}},
        )
        start = loop.time()
        try:
            await client.async_execute()
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            return f"{page.relative_to(ROOT)}:\n{error}"
        seconds = loop.time() - start
        bundle = CacheBundleIn(notebook, str(page), data={"execution_seconds": seconds})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        print(f"ran {page.relative_to(ROOT)} in {seconds:.0f} s", flush=True)
    return ""


async def run_all(folder: Path) -> list[str]:
    """Run what the cache lacks; returns what went wrong, by page."""
    import yaml

    cache = opened(folder / ".jupyter_cache")
    wanted = []
    for page in pages(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))):
        if (notebook := read(page)) is not None:
            try:
                cache.match_cache_notebook(notebook)
                print(f"kept {page.relative_to(ROOT)}", flush=True)
            except KeyError:
                wanted.append((page, notebook))
    wanted.sort(key=lambda one: -one[0].stat().st_size)  # the long ones first, so that none is left alone
    mine = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    places = asyncio.Semaphore(mine or 1)
    answers = await asyncio.gather(*(run(page, notebook, cache, places) for page, notebook in wanted))
    return [answer for answer in answers if answer]


def main() -> None:
    """Fill the cache of a build."""
    parser = argparse.ArgumentParser(description="Run the notebooks of the book side by side.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "_build")
    folder = parser.parse_args().folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    import shared_memory  # noqa: F401  (what is imported here stays to the end)
    from kernels import end_fork_server

    os.environ.setdefault("SCALINGLAB_STATIC", "1")  # Explorers draw their frames, there is no reader
    os.environ.pop("MPLBACKEND", None)  # pictures are drawn inline, whatever the shell asks for
    failed = asyncio.run(run_all(folder))
    end_fork_server()
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
