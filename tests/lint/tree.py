# SPDX-License-Identifier: Apache-2.0
"""Which files are ours: what git tracks or would track; in an unpacked archive, all but build folders."""
import os
import pathlib
import subprocess


def from_git(root):
    if not (root / '.git').exists():
        return None
    try:
        done = subprocess.run(
            ['git', '-C', str(root), 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
            capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    names = {os.fsdecode(name) for name in done.stdout.split(b'\0') if name}
    # A file that is deleted but not yet committed is still listed.
    return [root / name for name in names if (root / name).is_file()]


def from_folders(root):
    found = []
    for folder, folders, names in os.walk(root):
        if 'meson-private' in folders:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith('.') and name != '__pycache__']
        found += [pathlib.Path(folder) / name for name in names]
    return found


def files(root, *suffixes):
    """The files below root that end so, sorted."""
    root = pathlib.Path(root)
    found = from_git(root)
    if found is None:
        found = from_folders(root)
    return sorted(path for path in found if path.suffix in suffixes)
