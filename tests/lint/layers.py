#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom, and who owns which library. This table is the architecture; the test keeps it true.

Change the table only in a commit that argues for it.
"""
import pathlib
import re
import sys

import tree

ENGINE = ('engine/model engine/expr engine/rules engine/scope engine/brakes engine/source engine/target engine/space '
          'engine/scheduler engine/steps')

# The program's rooms, from configuration to worker; those above may include all of them.
FLOW = 'app/config app/reconcile app/compare app/rules app/flow'

# folder: (our folders it may include besides itself, libraries it owns). The deepest folder decides: what is in
# report/console is not in report, and who may include report may not include report/console.
LAYERS = {
    'base': ('', 'libyaml msgpack libunistring'),
    'engine/model': ('base', ''),
    'engine/expr': ('base engine/model', ''),
    'engine/rules': ('base engine/model engine/expr', 'libxml2'),
    'engine/scope': ('base engine/model engine/expr', ''),
    'engine/brakes': ('base', ''),
    'engine/source': ('base engine/model', ''),
    'engine/target': ('base engine/model', 'curl openssl'),
    'engine/space': ('base engine/model', ''),
    'engine/scheduler': ('base engine/model engine/space', ''),
    'engine/steps': (f'base {ENGINE}', ''),
    'queue': ('base engine/model engine/space', 'lmdb nats'),
    'listener': ('base engine/model engine/source', 'ldap lber sasl gssapi krb5 libevent resolv'),
    'report': ('base engine/model queue', ''),
    'report/console': ('base engine/model report queue engine/rules engine/scheduler', 'libevent libevent-openssl'),
    'app/config': (f'base {ENGINE} queue listener report/console', ''),
    'app/reconcile': (f'base {ENGINE} queue listener app/config', ''),
    'app/compare': (f'base {ENGINE} queue app/config', ''),
    'app/rules': (f'base {ENGINE} queue listener app/config', ''),
    'app/flow': (f'base {ENGINE} queue listener report app/config app/reconcile app/compare app/rules', 'libevent'),
    'app/job': (f'base {ENGINE} queue report {FLOW}', ''),
    'app/control': (f'base {ENGINE} queue report report/console {FLOW} app/job', ''),
    'app/doctor': (f'base {ENGINE} queue listener {FLOW} app/control', 'libevent'),
    'app/service': (f'base {ENGINE} {FLOW} app/job app/control', 'libevent systemd'),
    'app/command': (f'base {ENGINE} queue listener report {FLOW} app/job app/control app/doctor app/service', 'libarchive'),
    'app': ('base app/command app/control app/service', ''),
}

# A library that one file of a folder may use, and the rest of the folder may not.
FILES = {
    'engine/expr/cert.c': 'openssl',
    # libldap says only that a certificate failed; whose, and since when, is in the certificate.
    'listener/ldap-tls.c': 'openssl',
    # libevent-openssl is handed a context that only OpenSSL can make.
    'report/console/tls.c': 'openssl',
    # SHA-256 of the lines of the audit log.
    'report/audit-chain.c': 'openssl',
}

# Every layer above base may use these.
FREE_ABOVE_BASE = 'jansson'

# Only the unit tests and fuzzers beside the code (test-*, fuzz-*) may use these.
FREE_IN_TESTS = 'cmocka setjmp'

# library: its headers; one that ends in '/' is a folder. The longest match decides.
LIBRARIES = {
    'cmocka': 'cmocka.h',
    'libarchive': 'archive.h archive_entry.h',
    'curl': 'curl/',
    'gssapi': 'gssapi/ gssapi.h',
    'jansson': 'jansson.h',
    'krb5': 'krb5.h krb5/',
    'lber': 'lber.h lber_types.h',
    'ldap': 'ldap.h ldap_features.h ldap_schema.h ldif.h openldap.h',
    'libevent': 'event2/ event.h evhttp.h evdns.h evrpc.h evutil.h',
    'libevent-openssl': 'event2/bufferevent_ssl.h',
    'libunistring': 'unicase.h unictype.h uniconv.h unilbrk.h uniname.h uninorm.h unistdio.h unistr.h unitypes.h '
                    'uniwbrk.h uniwidth.h unigbrk.h',
    'libxml2': 'libxml/',
    'libyaml': 'yaml.h',
    'lmdb': 'lmdb.h',
    'msgpack': 'msgpack.h msgpack/',
    'nats': 'nats.h nats/',
    'openssl': 'openssl/',
    'resolv': 'arpa/nameser.h resolv.h',
    'sasl': 'sasl/',
    'setjmp': 'setjmp.h',
    'systemd': 'systemd/',
}

# The C library and the kernel: free to all. What is in neither list is a dependency that nobody has argued for.
SYSTEM = set('''
    aio.h alloca.h arpa/inet.h assert.h byteswap.h complex.h ctype.h dirent.h dlfcn.h elf.h endian.h err.h errno.h
    error.h execinfo.h fcntl.h features.h fenv.h float.h fnmatch.h ftw.h getopt.h glob.h grp.h iconv.h ifaddrs.h
    inttypes.h iso646.h langinfo.h libgen.h limits.h link.h locale.h malloc.h math.h mntent.h mqueue.h net/if.h netdb.h
    netinet/in.h netinet/ip.h netinet/tcp.h nl_types.h paths.h poll.h pthread.h pty.h pwd.h regex.h resolv.h sched.h
    search.h semaphore.h shadow.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h
    stdio_ext.h stdlib.h stdnoreturn.h string.h strings.h sysexits.h syslog.h termios.h tgmath.h threads.h time.h uchar.h
    ucontext.h unistd.h utime.h wait.h wchar.h wctype.h wordexp.h
'''.split())
SYSTEM_FOLDERS = ('sys/', 'linux/', 'asm/')

# Programs of their own, which are not part of the product and may use all of it.
OUTSIDE = ('tests/', 'deploy/')

INCLUDE = re.compile(r'\s*#\s*include\b\s*(?:"([^"]*)"|<([^>]*)>|(.*))')


def layer_of(path):
    """The deepest folder of the table that holds this path."""
    under = [layer for layer in LAYERS if path.startswith(layer + '/')]
    return max(under, key=len, default=None)


def library_of(header):
    best, found = -1, None
    for library, headers in LIBRARIES.items():
        for name in headers.split():
            if header == name or (name.endswith('/') and header.startswith(name)):
                if len(name) > best:
                    best, found = len(name), library
    return found


def check_ours(path, layer, header):
    target = layer_of(header)
    if '/' not in header:
        return f'"{header}" is not a full path; write it from the root, as "base/arena.h"'
    if target is None:
        return f'"{header}" is in no folder of the table'
    if target != layer and target not in LAYERS[layer][0].split():
        return f'{layer} may not include {target} ("{header}")'
    return None


def check_library(path, layer, header):
    if header in SYSTEM or header.startswith(SYSTEM_FOLDERS):
        return None
    library = library_of(header)
    if library is None:
        return f'<{header}> is not known; give the library an owner in the table'
    allowed = set(LAYERS[layer][1].split()) | set(FILES.get(path, '').split())
    if layer != 'base':
        allowed |= set(FREE_ABOVE_BASE.split())
    if re.match(r'(test|fuzz)-', path.rsplit('/', 1)[1]):
        allowed |= set(FREE_IN_TESTS.split())
    if library in allowed:
        return None
    owners = [name for name, (_, libraries) in LAYERS.items() if library in libraries.split()]
    owners += [name for name, libraries in FILES.items() if library in libraries.split()]
    if library in FREE_ABOVE_BASE.split():
        owners.append('every layer above base')
    if library in FREE_IN_TESTS.split():
        owners.append('unit tests and fuzzers only')
    return f'{layer} does not own {library} (<{header}>); its owner: {", ".join(owners)}'


def check(root):
    """All violations below root, as texts."""
    root = pathlib.Path(root)
    found = []
    for file in tree.files(root, '.c', '.h'):
        path = file.relative_to(root).as_posix()
        if path.startswith(OUTSIDE):
            continue
        layer = layer_of(path)
        if layer is None:
            found.append(f'{path}:1: this folder is not in the table of tests/lint/layers.py')
            continue
        for number, line in enumerate(file.read_text(encoding='utf-8').splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            if match[1] is not None:
                problem = check_ours(path, layer, match[1])
            elif match[2] is not None:
                problem = check_library(path, layer, match[2])
            else:
                problem = f'an include that cannot be read: {line.strip()}'
            if problem:
                found.append(f'{path}:{number}: {problem}')
    return found


def check_table():
    """The table itself: every name in it is one that it knows, and nobody includes in a circle."""
    found = []
    for layer, (ours, libraries) in LAYERS.items():
        found += [f'{layer}: no folder {name}' for name in ours.split() if name not in LAYERS]
        found += [f'{layer}: no library {name}' for name in libraries.split() if name not in LIBRARIES]
    below = {layer: set(ours.split()) - {layer} for layer, (ours, _) in LAYERS.items()}
    while below:
        ground = [layer for layer, ours in below.items() if not ours & below.keys()]
        if not ground:
            found.append('a circle: ' + ', '.join(sorted(below)))
            break
        for layer in ground:
            del below[layer]
    return found


def main():
    found = check_table() + check(sys.argv[1])
    print('\n'.join(found) or 'layers: ok')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
