import codecs
import errno
import json
import os
import signal
import subprocess
import threading
import time

bash_timeout_s = 15
max_output_chars = 24_000
max_view_chars = 100_000


class Toolbox:
    """The tools of the meta-agent. Whatever goes wrong comes back as a result that starts with "error:"."""

    def __init__(self, root):
        self.root = root
        self.tools = tools
        self.before = {}
        self.undo_stack = []

    def call(self, function):
        name = function["name"]
        try:
            if name not in signatures:
                raise ValueError(f"there is no tool {name}")
            args = json.loads(function["arguments"], parse_float=integer_or_float)
            return getattr(self, name)(**checked(name, args))
        except Exception as error:
            # Where this directory lies says nothing about the work, and differs from run to run.
            return f"error: {describe(error, name)}".replace(self.root + os.sep, "")

    def list(self, path="."):
        with os.scandir(self.locate(path)) as entries:
            names = [entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries]
        return "\n".join(sorted(names)) or "(empty)"

    def view(self, path, start=1, end=None):
        return numbered(read(self.locate(path)), start, end)

    def create(self, path, content):
        self.change(path, content)
        return f"wrote {path}"

    def str_replace(self, path, old, new):
        text = read(self.locate(path))
        count = text.count(old) if old else len(text) - 1
        if not old or count != 1:
            raise ValueError(f"the text to replace occurs {count} times")
        self.change(path, text.replace(old, new))
        return f"edited {path}"

    def insert(self, path, line, text):
        lines = read(self.locate(path)).split("\n")
        if line < 0 or line > len(lines):
            raise ValueError(f"line {line} is not between 0 and {len(lines)}")
        lines[line:line] = without_last_newline(text).split("\n")
        self.change(path, "\n".join(lines))
        return f"edited {path}"

    def delete(self, path):
        self.change(path, None)
        return f"deleted {path}"

    def undo(self):
        if not self.undo_stack:
            raise ValueError("nothing to undo")
        name, old = self.undo_stack.pop()
        full = self.locate(name)
        if old is not None:
            write(full, old)
        elif os.path.lexists(full):
            os.remove(full)
        return f"restored {name}"

    def diff(self):
        changes = [diff_of(name, old or "", read_or_none(self.locate(name)) or "") for name, old in self.before.items()]
        return "".join(changes) or "(no changes)"

    def bash(self, command):
        return run_bash(command, self.root)

    def locate(self, path):
        full = os.path.normpath(os.path.join(self.root, path))
        if full != self.root and not full.startswith(self.root + os.sep):
            raise ValueError(f"{path} is outside this directory")
        return full

    def change(self, path, text):
        """Writes text, or deletes the file when it is None, and remembers what was there."""
        full = self.locate(path)
        old = read_or_none(full)
        if text is None:
            os.remove(full)
        else:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            write(full, text)
        name = os.path.relpath(full, self.root)
        self.before.setdefault(name, old)
        self.undo_stack.append((name, old))


def tool(name, description, **parameters):
    """A tool described as the protocol wants it. A parameter is required unless its type ends in "?"."""
    properties = {key: {"type": kind.rstrip("?")} for key, kind in parameters.items()}
    required = [key for key, kind in parameters.items() if not kind.endswith("?")]
    schema = {"type": "object", "properties": properties, "required": required}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


tools = [
    tool("list", 'Names in a directory, sorted; directories end in "/".', path="string?"),
    tool("view", "A file with line numbers, or its lines start to end.", path="string", start="integer?", end="integer?"),
    tool("create", "Write a whole file.", path="string", content="string"),
    tool(
        "str_replace",
        "Replace a text that occurs exactly once (without line numbers).",
        path="string",
        old="string",
        new="string",
    ),
    tool("insert", "Insert text after a line; 0 is the top.", path="string", line="integer", text="string"),
    tool("delete", "Delete a file.", path="string"),
    tool("undo", "Take back the last change."),
    tool("diff", "What has changed since the start."),
    tool("bash", "Run a command in this directory.", command="string"),
]
signatures = {each["function"]["name"]: each["function"]["parameters"] for each in tools}
types = {"string": str, "integer": int}


def checked(name, args):
    properties, required = signatures[name]["properties"], signatures[name]["required"]
    for key in required:
        if key not in args:
            raise ValueError(f'{name} needs "{key}"')
    for key, value in args.items():
        if key not in properties:
            raise ValueError(f'{name} has no parameter "{key}"')
        kind = properties[key]["type"]
        if not isinstance(value, types[kind]) or isinstance(value, bool):
            raise ValueError(f'"{key}" must be {kind}')
    return args


def integer_or_float(text):
    value = float(text)
    return int(value) if value.is_integer() else value


def describe(error, name):
    """The system's errors in the words that Node has for them: "ENOENT: no such file or directory, open 'a.txt'"."""
    if not isinstance(error, OSError):
        return str(error)
    call = {"list": "scandir", "delete": "lstat"}.get(name, "open")
    return f"{errno.errorcode[error.errno]}: {error.strerror.lower()}, {call} '{error.filename}'"


def read(path):
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


def read_or_none(path):
    try:
        return read(path)
    except OSError:
        return None


def write(path, text):
    with open(path, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)


def without_last_newline(text):
    return text[:-1] if text.endswith("\n") else text


def numbered(text, start, end):
    lines = without_last_newline(text).split("\n")[max(0, start - 1) : end]
    shown = "\n".join(f"{start + i:5}\t{line}" for i, line in enumerate(lines))
    return clipped(shown, max_view_chars, len(shown))


def clipped(text, limit, length):
    """A text that is, or was, so long."""
    return text if length <= limit else f"{text[:limit]}\n[cut: {length - limit} more characters]"


def diff_of(name, old_text, new_text):
    """The part between the first and the last changed line, as removed and added lines."""
    if old_text == new_text:
        return ""
    a = old_text.split("\n")
    b = new_text.split("\n")
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    removed = "".join(f"-{line}\n" for line in a[head : len(a) - tail])
    added = "".join(f"+{line}\n" for line in b[head : len(b) - tail])
    return f"--- {name}, line {head + 1}\n{removed}{added}"


def run_bash(command, cwd):
    """Runs a command in its own process group, so that a timeout ends its children too."""
    child = subprocess.Popen(
        ["bash", "-c", command],
        cwd=cwd,
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    output = ""
    length = 0

    def collect():
        nonlocal output, length
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for chunk in iter(lambda: child.stdout.read(65_536), b""):
            text = decoder.decode(chunk)
            output += text[: max_output_chars - len(output)]
            length += len(text)

    # A child in a group of its own keeps the pipe open: nobody waits for it any longer than for the command.
    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    deadline = time.monotonic() + bash_timeout_s
    try:
        child.wait(bash_timeout_s)
        reader.join(deadline - time.monotonic())
    except subprocess.TimeoutExpired:
        pass
    is_late = child.poll() is None or reader.is_alive()
    if is_late:
        kill_group(child.pid)
    code = child.wait()
    end = f"stopped after {bash_timeout_s * 1000} ms" if is_late else f"exit code {code}"
    return f"{clipped(output, max_output_chars, length)}\n[{end}]"


def kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
