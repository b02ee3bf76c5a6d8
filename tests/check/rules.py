#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Architecture rules as tests: rules.py [PATTERN].

Each rule is a function of a tree (path -> text) that yields what breaks it, one
`path:line: why` each. It runs on the sources and on its samples,
tests/check/samples/RULE/good/ (must pass) and .../bad/ (must be refused), which
hold files at the paths they would have in the tree: a rule that cannot fail is
no rule. To add one: a function with @rule, and its two samples.
"""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SAMPLES = "tests/check/samples"
SOURCES = (".c", ".h")
RULES = []


def rule(sentence):
    """Registers a function as the rule of that sentence; its name is the rule's."""

    def register(function):
        RULES.append((function.__name__.replace("_", "-"), sentence, function))
        return function

    return register


# ---- reading C well enough ---------------------------------------------------

COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)


def code_of(text, keep_strings=True):
    """The text without comments, line numbers kept."""

    def replace(match):
        found = match.group(0)
        if found[0] == '"':
            return found if keep_strings else '""'
        return re.sub(r"[^\n]", " ", found)

    return COMMENT_OR_STRING.sub(replace, text)


def select(tree, folder, *suffixes):
    """Sorted (path, text) of the files below a folder with one of the suffixes."""
    return [
        (path, text)
        for path, text in sorted(tree.items())
        if path.startswith(folder) and path.endswith(suffixes)
    ]


def matches(files, pattern, why, keep_strings=False):
    """A complaint for every line of code, comments aside, that matches."""
    compiled = re.compile(pattern)
    for path, text in files:
        for number, line in enumerate(code_of(text, keep_strings).splitlines(), 1):
            found = compiled.search(line)
            if found:
                yield f"{path}:{number}: {found.group(0).strip()}: {why}"


def includes(files):
    """(path, line number, included name) of every #include."""
    for path, text in files:
        for number, line in enumerate(text.splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if found:
                yield path, number, found.group(1)


def allow_includes(files, allowed, why):
    for path, number, name in includes(files):
        if not re.fullmatch(allowed, name):
            yield f"{path}:{number}: includes {name}: {why}"


def forbid_includes(files, forbidden, why):
    for path, number, name in includes(files):
        if re.search(forbidden, name):
            yield f"{path}:{number}: includes {name}: {why}"


def functions(text):
    """(first line, number of lines) of every body between braces in column 0."""
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            yield start, number - start + 1
            start = None


# ---- the datapath ------------------------------------------------------------


@rule("hook context types appear only in bpf/hook and the entry files")
def hook_types(tree):
    files = [f for f in select(tree, "bpf/", *SOURCES)
             if not f[0].startswith("bpf/hook/") and not f[0].endswith(".bpf.c")]
    return matches(files, r"\b(xdp_md|__sk_buff)\b", "the pipeline knows struct pkt and hook_ctx only")


def datapath_outside_hook(tree):
    """Other programs (load, bench, fabric) have an entry file without the pipeline; what they share is a .bpf.h.
    Slots are users' programs: what they may call is for user/lib/slotobj.c."""
    return [f for f in select(tree, "bpf/", *SOURCES)
            if not f[0].startswith(("bpf/hook/", "bpf/intercept/")) and not f[0].endswith(".bpf.h")
            and not (f[0].endswith(".bpf.c") and "pipeline.h" not in f[1])]


@rule("kernel action codes appear only in bpf/hook")
def hook_actions(tree):
    files = datapath_outside_hook(tree)
    return matches(files, r"\b(XDP_(PASS|DROP|TX|REDIRECT|ABORTED)|TC_ACT_\w+)\b",
                   "say it with verdict.h; hook_forward() and its like translate")


@rule("BPF helpers are called only in bpf/hook")
def hook_helpers(tree):
    files = datapath_outside_hook(tree)
    return matches(files, r"\bbpf_(?!(hton|ntoh)[sl]\b|cpu_to_|be\d+_to_cpu)[a-z]\w*\s*\(",
                   "go through env_*() or hook_*()")


DATAPATH_PARTS = r"core/[\w./]+|maps\.h|hook/(hook|env)\.h|dpulab/[\w./]+|linux/types\.h"


# Stages in several files: the flow cache is fed by the fast form of parse and records what it
# looked up; output writes the outer header.
STAGE_IN_PARTS = {
    "bpf/stage/fastparse.h": "stage/parse.h",
    "bpf/stage/flowcache.h": "stage/fastparse.h",
    "bpf/stage/flowlimits.h": "stage/flowcache.h",
    "bpf/stage/flowrecord.h": "stage/flow(cache|limits).h",
    "bpf/stage/output.h": "stage/vxlan.h",
}


@rule("a stage includes core, maps, the contracts and the ABI, never another stage")
def stage_includes(tree):
    for file in select(tree, "bpf/stage/", *SOURCES):
        allowed = f"{DATAPATH_PARTS}|{STAGE_IN_PARTS.get(file[0], '-')}"
        yield from allow_includes([file], allowed, "a stage must not depend on that")


@rule("core includes core, maps, the contracts and the ABI, never a stage")
def core_includes(tree):
    return allow_includes(select(tree, "bpf/core/", *SOURCES), DATAPATH_PARTS, "core must not depend on that")


@rule("stages and core are not conditional on the preprocessor")
def no_conditionals(tree):
    files = [f for f in select(tree, "bpf/", *SOURCES)
             if f[0].startswith(("bpf/stage/", "bpf/core/")) and not f[0].endswith(("/compat.h", "/wire.h"))]
    return matches(files, r"^\s*#\s*(if|ifdef|ifndef|elif)\b", "use a load-time setting or hook.h")


@rule("the ABI includes only linux/types.h and itself")
def abi_includes(tree):
    return allow_includes(select(tree, "include/dpulab/", ".h"), r"linux/types\.h|dpulab/[\w./]+",
                          "the ABI is included by programs, library and tests alike")


# ---- the user side -----------------------------------------------------------


@rule("the library never prints")
def library_silent(tree):
    return matches(select(tree, "user/lib/", *SOURCES),
                   r"\b(v?printf|puts|putchar|perror)\s*\(|\bv?fprintf\s*\(\s*(stdout|stderr)\b",
                   "add a record to struct diag")


@rule("the library never exits")
def library_returns(tree):
    return matches(select(tree, "user/lib/", *SOURCES), r"\b(exit|errx?|assert)\s*\(",
                   "return a negative errno")


@rule("nothing is done by a shell or by ip and tc")
def no_shell_out(tree):
    files = select(tree, "user/", *SOURCES)
    yield from matches(files, r"\b(system|popen)\s*\(", "use a library")
    yield from matches(files, r'\b(exec[lv]\w*|posix_spawnp?)\s*\([^;]*"(/\w+)*/?(ip|tc|bridge|nft|ethtool|sysctl|sh)"',
                       "use netlink, libnftables or a file", keep_strings=True)


@rule("maps of the datapath are touched only behind dataplane.h")
def map_calls(tree):
    allowed = re.compile(r"user/lib/(dataplane|tables|mapio|frameload|fabric|dilate)\w*\.c$")  # the last three: maps of their own
    files = [f for f in select(tree, "user/", *SOURCES) if not allowed.match(f[0])]
    return matches(files, r"\bbpf_map_(lookup|update|delete|get_next)\w*\s*\(",
                   "only dataplane, tables and mapio know how a map is accessed")


@rule("commands include the library, not skeletons, libbpf or netlink")
def thin_commands(tree):
    return forbid_includes(select(tree, "user/cmd/", *SOURCES), r"\.skel\.h$|^bpf/|^netlink/|^linux/rtnetlink",
                           "a verb parses words, calls the library and prints")


@rule("what can be decided without the kernel includes no bpf or netlink header")
def pure_files(tree):
    files = [f for f in select(tree, "user/lib/", ".c")
             if re.search(r"/(diag|model|schema|config|policy)\.c$", f[0])]
    return forbid_includes(files, r"^bpf/|^netlink/|^linux/(?!types\.h)|\.skel\.h$|^sys/socket", "keep it pure")


KEY = re.compile(r'\bout_(?:str|uint|int|real|bool|list|object)\([\w>.-]+, "([^"]*)"')


@rule("keys of output are words joined by underscores")
def output_keys(tree):
    for path, text in select(tree, "user/cmd/", ".c"):
        for number, line in enumerate(code_of(text).splitlines(), 1):
            found = KEY.search(line)
            if found and not re.fullmatch(r"[a-z][a-z0-9_]*|host/linux", found.group(1)):
                yield f"{path}:{number}: {found.group(1)}: scripts read it: small letters, digits, underscores"


# Keys whose unit stands in another column of the same row, or that have none (a ratio of figures of any kind).
UNIT_BESIDE = {"user/cmd/show_offload.c": {"value", "limit"},
               "user/cmd/profile_calibrate.c": {"x", "measured", "fitted", "residual", "percent"}}


@rule("a measured number is printed under a key that ends in its unit")
def units_in_keys(tree):
    for path, text in select(tree, "user/cmd/", ".c"):
        for number, line in enumerate(code_of(text).splitlines(), 1):
            found = re.search(r'\bout_real\([\w>.-]+, "(\w+)"', line)
            if (found and found.group(1) not in UNIT_BESIDE.get(path, ())
                    and not re.search(r"(^|_)(ns|us|ms|s|seconds|percent|mpps|gbit|per_\w+)$", found.group(1))):
                yield f"{path}:{number}: {found.group(1)}: say the unit: {found.group(1)}_ms or the like"


# ---- the whole tree ----------------------------------------------------------

NO_SPDX = re.compile(r"(^|/)(LICENSE|\.gitignore|\.clang-format)$|\.(json|png|svg)$|^tests/fuzz/seeds/(?!.*\.yaml$)")


@rule("every file names its licence in its first three lines")
def spdx(tree):
    for path, text in sorted(tree.items()):
        head = "\n".join(text.splitlines()[:3])
        if not NO_SPDX.search(path) and "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause" not in head:
            yield f"{path}:1: no SPDX line"


@rule("no source file is longer than 600 lines")
def file_length(tree):
    for path, text in select(tree, "", *SOURCES, ".sh", ".py", ".mk", "Makefile"):
        lines = text.count("\n")
        if lines > 600:
            yield f"{path}: {lines} lines: split it by concern"


@rule("no function is longer than 100 lines")
def function_length(tree):
    for path, text in select(tree, "", *SOURCES):
        for start, lines in functions(text):
            if lines > 100:
                yield f"{path}:{start}: {lines} lines"


@rule("nine of ten functions have at most 45 lines")
def function_length_p90(tree):
    lengths = sorted(n for _, text in select(tree, "", *SOURCES) for _, n in functions(text))
    if lengths and lengths[len(lengths) * 9 // 10] > 45:
        yield f"the 90th percentile is {lengths[len(lengths) * 9 // 10]} lines of {len(lengths)} functions"


KNOWN_HOSTS = re.compile(r"(^|\.)(github\.com|kernel\.org|rfc-editor\.org|ietf\.org|json-schema\.org|"
                         r"debian\.org|example\.(com|org|net))$")


@rule("no path of one machine and no host name of a mirror stands in the tree")
def no_places(tree):
    for path, text in sorted(tree.items()):
        for number, line in enumerate(text.splitlines(), 1):
            place = re.search(r"(?<![\w.])/(work|home|root)/\w+", line)
            if place:
                yield f"{path}:{number}: {place.group(0)}"
            for host in re.findall(r"https?://([\w.-]+)", line):
                if not KNOWN_HOSTS.search(host):
                    yield f"{path}:{number}: host name {host}"


@rule("a page that is linked or named is there")
def links(tree):
    decisions = {path.split("/")[-1][:4] for path in tree if path.startswith("docs/decisions/")}
    folders = {os.path.dirname(path) for path in tree}
    for path, text in sorted(tree.items()):
        named = set(re.findall(r"\bdocs/[\w/-]+\.md\b", text))
        if path.endswith(".md"):
            linked = re.findall(r"\]\((?!https?:)([^)#\s]+)", text)
            named |= {os.path.normpath(os.path.join(os.path.dirname(path), link)) for link in linked}
        for page in sorted(named - tree.keys() - folders):
            yield f"{path}: {page} is not there"
        for number in sorted(set(re.findall(r"\bdecisions/(\d{4})\b", text)) - decisions):
            yield f"{path}: there is no decision {number}"


# ---- running -----------------------------------------------------------------


def walk(root):
    for folder, _, names in os.walk(root):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)


def read_files(root, paths):
    tree = {}
    for path in paths:
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                tree[path] = file.read()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # binary, or deleted but not yet committed
    return tree


def project_tree():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"],
                            check=False, capture_output=True, text=True)
    # without git: an unpacked archive
    paths = listed.stdout.splitlines() if listed.returncode == 0 else walk(ROOT)
    return read_files(ROOT, [p for p in paths if not p.startswith((SAMPLES, "build/", ".git/"))])


def sample_tree(name, kind):
    root = os.path.join(ROOT, SAMPLES, name, kind)
    return read_files(root, walk(root))


def verdicts(name, sentence, function, tree):
    """(sentence, complaints) for the project and the two samples."""
    yield sentence, list(function(tree))
    good = sample_tree(name, "good")
    yield f"{name} accepts its good sample", list(function(good)) if good else ["no sample"]
    bad = list(function(sample_tree(name, "bad")))
    yield f"{name} refuses its bad sample", [] if bad else ["nothing was refused"]


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    tree = project_tree()
    passed = failed = 0
    for name, sentence, function in RULES:
        for what, complaints in verdicts(name, sentence, function, tree):
            if pattern not in f"check: {what}" and pattern != name:
                continue
            print(f"{'FAIL ' if complaints else 'ok   '} check: {what}")
            for complaint in complaints[:20]:
                print(f"        {complaint}")
            passed, failed = passed + (not complaints), failed + bool(complaints)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
