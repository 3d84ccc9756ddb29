#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the program is linked with, as a CycloneDX 1.5 document on standard output: library, Debian package, version. Usage: sbom.py PROGRAM

Libraries are those the program itself names (readelf), not what these bring along: that changes without a build of ours. Nothing in
it depends on when or where it was made, so that two builds on the same system are the same.
"""
import json
import pathlib
import re
import subprocess
import sys


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def libraries(program):
    needed = re.findall(r'NEEDED.*\[(.*)\]', output('readelf', '-dW', program))
    found = dict(re.findall(r'^\s+(\S+) => (\S+)', output('ldd', program), re.M))
    return {name: found[name] for name in sorted(needed)}


def package_of(path):
    """The package that owns a library. A file system with merged /usr has it under the other name sometimes."""
    real = str(pathlib.Path(path).resolve())
    for name in (path, real, real.removeprefix('/usr')):
        done = subprocess.run(['dpkg', '-S', name], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.split(':')[0]
    sys.exit(f'sbom: no package owns {path}')


def component(library, path):
    package = package_of(path)
    version, architecture, source = output('dpkg-query', '-Wf', '${Version} ${Architecture} ${source:Package}\n',
                                           package).splitlines()[0].split()
    return {
        'type': 'library',
        'name': package,
        'version': version,
        'purl': f'pkg:deb/debian/{package}@{version}?arch={architecture}',
        'properties': [{'name': 'sosync:library', 'value': library}, {'name': 'debian:source', 'value': source}],
    }


def main():
    program = sys.argv[1]
    version = output(program, '--version').split()[1]
    print(json.dumps({
        'bomFormat': 'CycloneDX',
        'specVersion': '1.5',
        'version': 1,
        'metadata': {'component': {'type': 'application', 'name': 'sosync', 'version': version, 'bom-ref': 'sosync',
                                   'licenses': [{'license': {'id': 'Apache-2.0'}}]}},
        'components': [component(*item) for item in libraries(program).items()],
    }, indent=2))


main()
