# SPDX-License-Identifier: Apache-2.0
# Completion of sosync(1) for bash. Commands and options are checked against `sosync --help` by tests/lint/man.py.

_sosync()
{
        local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
        local command= verb= i

        COMPREPLY=()
        for ((i = 1; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                -c | --reason) ((i++)) ;;
                -*) ;;
                *)
                        if [[ -z $command ]]; then
                                command=${COMP_WORDS[i]}
                        else
                                verb=${COMP_WORDS[i]}
                                break
                        fi
                        ;;
                esac
        done

        local files= words=
        case $before in
        -c | --file | --record | --trace | --object | --password-file | --keytab | --ca-file | --secret-file | --certificate-file | --key-file) files=f ;;
        --output) files=d ;;
        --rules) [[ $command == revert ]] && return; files=d ;;
        --from | --to) words='lmdb: jetstream:' ;;
        --status) words='success failure skipped warning' ;;
        --cloud) words='global us-gov us-dod china' ;;
        --kind) words='write act' ;;
        --brake) words='disable members values create' ;;
        --state) words='ready leased delayed parked dated' ;;
        --since) words='30m 2h 1d 7d' ;;
        --sync-cycle-enabled) words='true false' ;;
        --type) words='user inetOrgPerson group' ;;
        --run | --ou | --code | --feeds | --sample | --text | --limit | --attribute | --connector | --dn | --by | --reason | --uri | --bind-dn | --base | --tenant-id | --client-id | --graph-url | --login-url) return ;;
        *)
                case $command/$verb in
                /)
                        words='run sync report audit watch top queue state reconcile match compare revert'
                        words+=' promote demote rules scheduler cluster eval init doctor config -c --reason --help --version'
                        ;;
                run/*) words='--record --help' ;;
                sync/*) words='--staging-mode --no-html-report --file --ou --trace --help' ;;
                report/) words='list show html open export --help' ;;
                report/list) words='--status --since --ou --code --text --limit --json' ;;
                report/show) words='--json' ;;
                watch/*) words='--ou --json --help' ;;
                top/*) words='--once --json --help' ;;
                audit/) words='search verify --help' ;;
                audit/search) words='--since --by --dn --kind --text --json' ;;
                audit/verify) words='--json' ;;
                init/*) words='--uri --bind-dn --password-file --keytab --ca-file --base --ou --tenant-id --client-id --secret-file --certificate-file --key-file --cloud --graph-url --login-url --output --help' ;;
                doctor/*) words='--feeds --json --help' ;;
                queue/) words='stats list retry drop release check backup restore --help' ;;
                queue/stats) words='--json' ;;
                queue/check | queue/backup | queue/restore) words='--json' files=d ;;
                queue/list) words='--state --limit --json' ;;
                queue/retry) words='parked --json' ;;
                queue/drop) words='parked --brake --json' ;;
                queue/release) words='--brake --json' ;;
                state/) words='copy --help' ;;
                state/copy) words='--from --to --replace --json' ;;
                cluster/) words='status --help' ;;
                cluster/status) words='--json' ;;
                match/) words='list approve --help' ;;
                match/list) words='--json' ;;
                compare/*) words='--ou --sample --json --help' ;;
                promote/*) words='--yes --take-over --help' ;;
                demote/*) words='--help' ;;
                reconcile/*) words='--ou --all --json --help' ;;
                revert/*) words='--run --rules --since --dry-run --list --release --json --help' ;;
                rules/) words='list check show explain import diff activate history rollback --help' ;;
                rules/check) words='--json' files=d ;;
                rules/list | rules/show) words='--rules --json' ;;
                rules/explain) words='--attribute --all --object --type --rules --json' ;;
                rules/diff) words='--json' files=d ;;
                rules/activate) words='--yes --json' files=d ;;
                rules/history) words='--json' ;;
                rules/rollback) words='--yes --json' ;;
                rules/import) words='--output --connector --json' files=f ;;
                scheduler/) words='show set --help' ;;
                scheduler/show) words='--json' ;;
                scheduler/set) words='--sync-cycle-enabled --json' ;;
                eval/*) words='--dn --object --strict --functions --json --help' ;;
                config/) words='check show help permissions --help' ;;
                esac
                ;;
        esac

        if [[ -n $words ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        fi
        if [[ -n $files && $word != -* ]]; then
                compopt -o filenames
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "-$files" -- "$word")
        fi
}

complete -F _sosync sosync
