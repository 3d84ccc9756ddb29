# SPDX-License-Identifier: Apache-2.0
# Completion of sosync(1) for fish. Commands and options are checked against `sosync --help` by tests/lint/man.py.

# The words behind sosync that are neither options nor what belongs to -c and --reason.
function __sosync_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- "$word" -c --reason
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

function __sosync_at # COMMAND [VERB...]: is this the command, and the verb one of these?
    set -l words (__sosync_words)
    test "$words[1]" = "$argv[1]"; or return 1
    test (count $argv) -eq 1; or contains -- "$words[2]" $argv[2..-1]
end

function __sosync_bare # COMMAND: is its verb still missing?
    set -l words (__sosync_words)
    test (count $words) -eq 1; and test "$words[1]" = "$argv[1]"
end

complete -c sosync -f
complete -c sosync -s c -r -F -d 'configuration'
complete -c sosync -s h -l help -d 'what there is'
complete -c sosync -n 'test -z "$(__sosync_words)"' -l version -d 'print the version'

complete -c sosync -n 'test -z "$(__sosync_words)"' -a run -d 'the service'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a sync -d 'synchronize single objects now'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a report -d 'find and show reports'
complete -c sosync -n 'test -z "$(__sosync_words)"' -l reason -x -d 'why, for the audit log'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a audit -d 'who did what'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a watch -d 'changes as they end'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a top -d 'the service at a glance'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a queue -d 'look at and steer changes'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a state -d 'copy everything to a cluster, or out of one'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a cluster -d 'the nodes of a cluster'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a match -d 'soft matches that wait'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a compare -d 'rules against the cloud'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a revert -d 'put back what exports replaced'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a promote -d 'leave staging'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a demote -d 'back into staging'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a reconcile -d 'compare the directory with what was imported'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a rules -d 'see what the sync rules are and do'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a scheduler -d 'the flag of the regular sync cycle'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a eval -d 'try an expression'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a init -d 'write a first configuration'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a doctor -d 'check everything a run needs'
complete -c sosync -n 'test -z "$(__sosync_words)"' -a config -d 'check the configuration'

complete -c sosync -n '__sosync_at run' -l record -r -F -d 'write what the directory says'
complete -c sosync -n '__sosync_at doctor' -l feeds -x -d 'run each feed for so many seconds'
complete -c sosync -n '__sosync_at doctor' -l json -d 'for scripts'
complete -c sosync -n '__sosync_at sync' -l staging-mode -d 'export nothing'
complete -c sosync -n '__sosync_at sync' -l no-html-report -d 'write no HTML file'
complete -c sosync -n '__sosync_at sync' -l ou -x -d 'all objects in scope below this DN'
complete -c sosync -n '__sosync_at sync' -l trace -r -F -d 'write what would be sent, and send nothing'
complete -c sosync -n '__sosync_at sync' -l file -r -F -d 'read DNs from a file'

complete -c sosync -n '__sosync_bare report' -a 'list show html open export'
complete -c sosync -n '__sosync_at report list' -l status -x -a 'success failure skipped warning' -d 'only this result'
complete -c sosync -n '__sosync_at report list' -l since -x -a '30m 2h 1d 7d' -d 'only since then'
complete -c sosync -n '__sosync_at report list' -l ou -x -d 'only below this DN'
complete -c sosync -n '__sosync_at report list' -l code -x -d 'only with this error code'
complete -c sosync -n '__sosync_at report list' -l text -x -d 'only with this text'
complete -c sosync -n '__sosync_at report list' -l limit -x -d 'at most so many'
complete -c sosync -n '__sosync_at report list show' -l json -d 'for scripts'

complete -c sosync -n '__sosync_at init' -l uri -x -d 'a domain controller'
complete -c sosync -n '__sosync_at init' -l bind-dn -x -d 'the account that reads'
complete -c sosync -n '__sosync_at init' -l password-file -r -F -d 'its password'
complete -c sosync -n '__sosync_at init' -l keytab -r -F -d 'Kerberos instead'
complete -c sosync -n '__sosync_at init' -l ca-file -r -F -d 'who vouches for the servers'
complete -c sosync -n '__sosync_at init' -l base -x -d 'the domain'
complete -c sosync -n '__sosync_at init' -l ou -x -d 'watch only this'
complete -c sosync -n '__sosync_at init' -l tenant-id -x -d 'the tenant'
complete -c sosync -n '__sosync_at init' -l client-id -x -d 'the app registration'
complete -c sosync -n '__sosync_at init' -l secret-file -r -F -d 'its secret'
complete -c sosync -n '__sosync_at init' -l certificate-file -r -F -d 'its certificate'
complete -c sosync -n '__sosync_at init' -l key-file -r -F -d 'and the key'
complete -c sosync -n '__sosync_at init' -l cloud -x -a 'global us-gov us-dod china' -d 'a national cloud'
complete -c sosync -n '__sosync_at init' -l graph-url -x -d 'another Graph'
complete -c sosync -n '__sosync_at init' -l login-url -x -d 'another sign-in'
complete -c sosync -n '__sosync_at init' -l output -r -F -d 'where to'

complete -c sosync -n '__sosync_bare audit' -a 'search verify'
complete -c sosync -n '__sosync_at audit search' -l since -x -a '30m 2h 1d 7d' -d 'only since then'
complete -c sosync -n '__sosync_at audit search' -l by -x -d 'only this person'
complete -c sosync -n '__sosync_at audit search' -l dn -x -d 'of this object'
complete -c sosync -n '__sosync_at audit search' -l kind -x -a 'write act' -d 'only these'
complete -c sosync -n '__sosync_at audit search' -l text -x -d 'any part of a line'
complete -c sosync -n '__sosync_at audit' -l json -d 'for scripts'

complete -c sosync -n '__sosync_bare queue' -a 'stats list retry drop release check backup restore'
complete -c sosync -n '__sosync_at queue list' -l state -x -a 'ready leased delayed parked dated' -d 'only in this state'
complete -c sosync -n '__sosync_bare state' -a 'copy'
complete -c sosync -n '__sosync_at state copy' -l from -x -a 'lmdb: jetstream:' -d 'where it is'
complete -c sosync -n '__sosync_at state copy' -l to -x -a 'lmdb: jetstream:' -d 'where it goes'
complete -c sosync -n '__sosync_at state copy' -l replace -d 'give up what the target holds'
complete -c sosync -n '__sosync_at state copy' -l json -d 'for scripts'
complete -c sosync -n '__sosync_at watch' -l ou -x -d 'only below this DN'
complete -c sosync -n '__sosync_at watch' -l json -d 'for scripts'
complete -c sosync -n '__sosync_at top' -l once -d 'print it once'
complete -c sosync -n '__sosync_at top' -l json -d 'for scripts'

complete -c sosync -n '__sosync_at queue list' -l limit -x -d 'at most so many'
complete -c sosync -n '__sosync_at queue retry drop' -a parked -d 'all that are parked'
complete -c sosync -n '__sosync_at queue drop release' -l brake -x -a 'disable members values create' -d 'what this brake holds'
complete -c sosync -n '__sosync_at queue check backup restore' -a '(__fish_complete_directories (commandline -ct))'
complete -c sosync -n '__sosync_at queue' -l json -d 'for scripts'

complete -c sosync -n '__sosync_bare cluster' -a 'status'
complete -c sosync -n '__sosync_at cluster status' -l json -d 'for scripts'
complete -c sosync -n '__sosync_bare match' -a 'list approve'
complete -c sosync -n '__sosync_at match list' -l json -d 'for scripts'

complete -c sosync -n '__sosync_at compare' -l ou -x -d 'only below this DN'
complete -c sosync -n '__sosync_at compare' -l sample -x -d 'only so many'
complete -c sosync -n '__sosync_at compare' -l json -d 'for scripts'

complete -c sosync -n '__sosync_at promote' -l yes -d 'do not ask'
complete -c sosync -n '__sosync_at promote' -l take-over -d 'the other installation is stopped'
complete -c sosync -n '__sosync_at reconcile' -l ou -x -d 'only below this DN'
complete -c sosync -n '__sosync_at reconcile' -l all -d 'what was never synchronized too'
complete -c sosync -n '__sosync_at reconcile' -l json -d 'for scripts'

complete -c sosync -n '__sosync_bare scheduler' -a 'show set'
complete -c sosync -n '__sosync_at scheduler set' -l sync-cycle-enabled -x -a 'true false' -d 'may a cycle begin'
complete -c sosync -n '__sosync_at scheduler' -l json -d 'for scripts'

complete -c sosync -n '__sosync_at revert' -l run -x -d 'what this run replaced'
complete -c sosync -n '__sosync_at revert' -l rules -x -d 'what this rule set replaced'
complete -c sosync -n '__sosync_at revert' -l since -x -a '30m 2h 1d 7d' -d 'what was replaced since'
complete -c sosync -n '__sosync_at revert' -l dry-run -d 'show it only'
complete -c sosync -n '__sosync_at revert' -l list -d 'objects that are held'
complete -c sosync -n '__sosync_at revert' -l release -d 'let them be synchronized again'
complete -c sosync -n '__sosync_at revert' -l json -d 'for scripts'

complete -c sosync -n '__sosync_bare rules' -a 'list check show explain import diff activate history rollback'
complete -c sosync -n '__sosync_at rules check import diff activate' -F
complete -c sosync -n '__sosync_at rules explain' -l attribute -x -d 'only this one'
complete -c sosync -n '__sosync_at rules explain' -l all -d 'attributes without a value too'
complete -c sosync -n '__sosync_at rules explain' -l object -r -F -d 'an object from a JSON file'
complete -c sosync -n '__sosync_at rules explain' -l type -x -a 'user inetOrgPerson group' -d 'type of that object'
complete -c sosync -n '__sosync_at rules import' -l output -r -F -d 'where to'
complete -c sosync -n '__sosync_at rules import' -l connector -x -d 'CONNECTOR=SOURCE'
complete -c sosync -n '__sosync_at rules list show explain' -l rules -r -F -d 'these rules'
complete -c sosync -n '__sosync_at rules activate rollback' -l yes -d 'do not ask'
complete -c sosync -n '__sosync_at rules' -l json -d 'for scripts'

complete -c sosync -n '__sosync_at eval' -l dn -x -d 'on an object of the directory'
complete -c sosync -n '__sosync_at eval' -l object -r -F -d 'on an object from a JSON file'
complete -c sosync -n '__sosync_at eval' -l strict -d 'all operators have one priority'
complete -c sosync -n '__sosync_at eval' -l functions -d 'list all functions'
complete -c sosync -n '__sosync_at eval' -l json -d 'for scripts'

complete -c sosync -n '__sosync_bare config' -a 'check show help permissions'
