"""Ctrl-C ends a command, whatever it is doing when it comes."""

import subprocess
import sys

SLEEPS_THROUGH_IT = """
import signal, sys, threading, time
from envbuild.cli.interrupts import watch

watch()

def elsewhere():
    # To this thread, not to the main one: as when that is just about to wait.
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.{name})
    time.sleep(60)

threading.Thread(target=elsewhere, daemon=True).start()
try:
    threading.Event().wait()
except {raised}:
    sys.exit(42)
"""


def ended(name, raised):
    code = SLEEPS_THROUGH_IT.format(name=name, raised=raised)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, check=False)


def test_a_signal_that_the_main_thread_slept_through_still_ends_the_command():
    """Else Ctrl-C in the wrong moment does nothing until a transfer of gigabytes is over."""
    done = ended("SIGINT", "KeyboardInterrupt")
    assert (done.returncode, done.stderr) == (42, b"interrupted\n")


def test_so_does_the_end_that_a_scheduler_sends():
    done = ended("SIGTERM", "BaseException")
    assert (done.returncode, done.stderr) == (42, b"terminated\n")
