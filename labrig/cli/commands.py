"""`labrig COMMAND`: run the command and report any error as one line."""

from __future__ import annotations

import argparse
import locale
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import NoReturn

from typing_extensions import override

from labrig import __version__
from labrig.blas import one_blas_thread
from labrig.cli import (
    abort,
    attach,
    calibrate,
    certify,
    check,
    compare,
    compare_rules,
    dashboard,
    doctor,
    drivers,
    evaluate,
    export,
    feasible,
    init,
    ls,
    measure,
    note,
    plan,
    program,
    report,
    resume,
    run,
    safe,
    schema,
    selftest,
    show,
    simulate,
    sweep,
    verify,
    virtual,
)
from labrig.cli.completion import complete
from labrig.errors import ConfigError, LabrigError, UsageError, leaves
from labrig.interrupts import record_ctrl_c
from labrig.json_text import json_text

COMMANDS = (
    *(
        init,
        run,
        resume,
        evaluate,
        program,
        check,
        schema,
        feasible,
        plan,
        measure,
        calibrate,
        selftest,
        certify,
        sweep,
    ),
    *(doctor, safe, abort, attach, show, report, dashboard, verify, ls, compare, compare_rules, note, export),
    *(simulate, drivers, virtual),
)
INTERRUPTED = 130


def dispatch(given: Sequence[str]) -> int:
    """Run the command that the arguments name; returns the exit code."""
    try:
        _check_text(given)
        arguments = _parsed(given)
    except LabrigError as error:  # not parsed yet, so look for --json directly
        return _report(error, error.exit_code, argparse.Namespace(json="--json" in given, debug=False))
    with record_ctrl_c() as ctrl_c_pressed, one_blas_thread():
        try:
            return arguments.execute(arguments)
        except LabrigError as error:
            return _report(error, error.exit_code, arguments)
        except KeyboardInterrupt:
            return _interrupted()
        except OSError as error:
            return _report(error, 6, arguments, "cannot read or write: ")
        except ExceptionGroup as group:
            for error in leaves(group):
                _report(error, _code(group), arguments)
            return _code(group)
        except Exception as error:
            if ctrl_c_pressed():
                return _interrupted()
            if arguments.debug:
                raise
            from labrig.extensions import place_in_third_party

            where = place_in_third_party(error) or "internal error"
            return _report(
                error, 1, arguments, f"{where}: {type(error).__name__}: ", " (use --debug for the traceback)"
            )


def _interrupted() -> int:
    print("labrig: interrupted", file=sys.stderr)
    return INTERRUPTED


def _code(group: ExceptionGroup) -> int:
    """Return the exit code of the first LabrigError in a group, the cause of the other errors; 1 if there is none."""
    codes = [error.exit_code for error in leaves(group) if isinstance(error, LabrigError)]
    return codes[0] if codes else 1


def _report(error: BaseException, code: int, arguments: argparse.Namespace, before: str = "", after: str = "") -> int:
    if getattr(arguments, "json", False):
        line = {"event": "error", "kind": type(error).__name__, "message": str(error), "exit_code": code}
        faults = getattr(error, "to_json", None)
        with suppress(OSError):  # the error is printed on stderr as well
            print(json_text({**line, "faults": faults()} if faults else line), flush=True)
    if arguments.debug and not isinstance(error, LabrigError):
        raise error
    text = str(error)
    print(text if "\n" in text else f"labrig: {before}{text}{after}", file=sys.stderr)
    return code


def _check_text(given: Sequence[str]) -> None:
    """Raise ConfigError for an argument that is not UTF-8, or that this locale cannot encode, as names are recorded."""
    for argument in given:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            typed = os.fsencode(argument)
            shown = typed.decode("ascii", errors="backslashreplace")
            try:
                typed.decode("utf-8")
            except UnicodeDecodeError:
                raise ConfigError(
                    f"the argument '{shown}' is not UTF-8 text",
                    remedy="pass UTF-8 text; if it names a file, rename the file",
                ) from error
            encoding = locale.getencoding()
            raise ConfigError(
                f"the argument '{shown}' is UTF-8 text, but the locale's encoding is {encoding}",
                remedy="set a UTF-8 locale, for example `export LC_ALL=C.UTF-8`",
            ) from error


def _parsed(given: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; for an unknown argument, print the usage of the command and raise UsageError."""
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:  # the shell asks for completions of a command line
        complete(parser)
    arguments, unknown = parser.parse_known_args(given)
    arguments.given = list(given)
    if unknown:
        of_command: _Parser = arguments.parser
        options = [option for option in unknown if option.startswith("-")]
        near = get_close_matches(options[0].partition("=")[0], of_command.options, 1) if options else []
        of_command.error(
            f"unrecognized arguments: {' '.join(unknown)}" + (f"; did you mean {near[0]}?" if near else "")
        )
    return arguments


class _Parser(argparse.ArgumentParser):
    """Raises UsageError instead of exiting, so that usage errors are reported like all others."""

    @override
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        raise UsageError(message)

    @property
    def options(self) -> list[str]:
        """Every option of this command, as typed: `--json`, `--seed` and so on."""
        return list(self._option_string_actions)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="labrig",
        description="Train physical networks in place by frequency propagation, on real boards or a simulated bench.",
        epilog="exit codes: 0 ok · 1 internal · 2 usage · 3 configuration · 4 instrument absent or lost · "
        "5 stopped safe · 6 storage · 7 verdict failed · 8 verdict unresolved · 130 interrupted",
    )
    parser.add_argument("--version", action="version", version=f"labrig {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2].replace("_", "-")
        summary = (module.__doc__ or "").partition("\n")[0].partition(": ")[2]
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument("--json", action="store_true", help="machine-readable result on stdout")
        command.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
        command.set_defaults(execute=module.execute, parser=command)
        module.add_arguments(command)
    return parser
