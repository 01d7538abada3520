"""Every benchmark is a command that tells what it takes; that no argument is read past its parser is read here."""

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "benchmarks"
COMMANDS = [path for path in sorted(FOLDER.rglob("*.py")) if "__main__" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_command_leaves_its_arguments_to_a_parser(path):
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert "ArgumentParser" in names
    assert "argv" not in names
