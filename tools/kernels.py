"""Kernels that start quickly: forks of one process that has imported the libraries already.

A kernel's start and the imports of matplotlib, pandas and SciPy cost two seconds of processor time, more than
the rest of many a page. What forks is the standard library's fork server, a process without threads that
has imported libraries and nothing of the package, so that a page still shows what it must import. Each
kernel is a process of its own, and none sees what another has run. Where the system is not Linux, a kernel
starts as always.
"""

import atexit
import contextlib
import multiprocessing.util  # what it does at exit comes after what we do
import os
import signal
import sys
import types
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

#: pyplot is not among them: its import, in the kernel, is what lets a page draw, and that of what draws
#: inline. The debugger is: no kernel starts without it.
LIBRARIES = [
    *("shared_memory", "kernels"),
    *("ipykernel.kernelapp", "jupyter_client.provisioning", "IPython.core.completer", "numpy", "pandas"),
    *("ipykernel.debugger", "IPython.core.debugger", "IPython.core.completerlib", "IPython.core.oinspect"),
    *("IPython.extensions.storemagic", "tornado.platform.asyncio", "psutil", "sqlite3"),
    *("scipy.optimize", "scipy.stats", "PIL.Image", "matplotlib.figure", "matplotlib.style"),
    *("pandas.io.formats.html", "pandas.io.formats.style", "contourpy", "joblib", "threadpoolctl"),
    *("click", "tomllib", "yaml", "lazy_loader", "importlib.resources.readers"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "shared_formulas"),
    *("shared_errors", "shared_ticks"),
]
INLINE = "module://matplotlib_inline.backend_inline"


def serve(arguments: list[str], env: dict[str, str], folder: str) -> None:
    """Be a kernel, as ``python -m ipykernel_launcher`` would be one, without a history on the disk."""
    import gc
    from multiprocessing.forkserver import _forkserver

    import matplotlib
    import numpy as np
    from ipykernel.kernelapp import IPKernelApp

    gc.freeze()  # what was imported stays: whoever searched it would copy it
    os.setsid()  # what the kernel starts ends with it
    server: Any = _forkserver  # it waits for the end of the program that asked, and of no kernel
    os.close(server._forkserver_alive_fd)
    server._forkserver_alive_fd = None
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    os.environ["JPY_PARENT_PID"] = str(
        os.getppid()
    )  # it ends with the process that forks, and that with ours
    sys.path.insert(0, "")
    np.random.seed()  # noqa: NPY002  (not the state that all forks begin with)
    matplotlib.rcParams["backend"] = os.environ.setdefault("MPLBACKEND", INLINE)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # it ends with the fork server, and that with us
    IPKernelApp.launch_instance(argv=[*arguments, parent, "--HistoryManager.enabled=False"])


class Child:
    """A forked kernel with what a kernel's manager asks of ``subprocess.Popen``."""

    stdin = stdout = stderr = None

    def __init__(self, process: Any) -> None:
        self.process, self.pid = process, process.pid

    def poll(self) -> int | None:
        """Give its exit code, None while it runs."""
        code: int | None = self.process.exitcode
        return code

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end."""
        self.process.join(timeout)
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal to it and to what it started."""
        if self.poll() is None:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:  # it has not yet a group of its own
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


@contextlib.contextmanager
def about_to_fork() -> Generator[None]:
    """Keep from a child the program that asks for it, which it would run once more as a module.

    And show the process that forks, where it is about to start, the folder of what kernels share, and let it
    import a debugger without a word about the modules that Python holds frozen.
    """
    program, path = sys.modules["__main__"], os.environ.get("PYTHONPATH")
    shown = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parent), path])),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    kept = {name: os.environ.get(name) for name in shown}
    sys.modules["__main__"] = types.ModuleType("__main__")
    os.environ.update(shown)
    try:
        yield
    finally:
        sys.modules["__main__"] = program
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Forked(LocalProvisioner):
    """Forks a kernel where its command would start an interpreter."""

    async def launch_kernel(self, cmd: list[str], **settings: Any) -> KernelConnectionInfo:
        """Fork a kernel with the arguments of the command."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LIBRARIES)
        folder = str(settings.get("cwd") or os.getcwd())
        arguments = [*cmd[cmd.index("-f") :], "--log-level=40"]  # say errors, nothing less
        process = context.Process(target=serve, args=(arguments, dict(settings["env"]), folder))
        with about_to_fork():
            process.start()
        self.process = Child(process)
        self.pid, self.pgid = process.pid, None
        return self.connection_info


class QuickManager(AsyncKernelManager):
    """A manager whose kernels are forked."""

    async def _async_pre_start_kernel(self, **settings: Any) -> Any:
        if self.provisioner is None and sys.platform == "linux":
            self.set_trait("kernel_id", self.kernel_id or str(uuid.uuid4()))
            self.provisioner = Forked(
                kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self.parent or self
            )
            self.provisioner.parent = self
        return await super()._async_pre_start_kernel(**settings)


@atexit.register
def end_fork_server() -> None:
    """End the process that forks and wait for it, so that its processor time is counted as ours."""
    if sys.platform == "linux":
        from multiprocessing.forkserver import _forkserver

        server: Any = _forkserver
        server._stop()
