#compdef sosync
# SPDX-License-Identifier: Apache-2.0
# Completion of sosync(1) for zsh. Commands and options are checked against `sosync --help` by tests/lint/man.py.

_sosync_verbs() {
        local -a verbs=("$@")
        _describe -t verbs verb verbs
}

_sosync_report() {
        local verb=$words[2]
        if ((CURRENT == 2)); then
                _sosync_verbs 'list:reports, newest first' 'show:one report, for the terminal' 'open:write the HTML file and open it' 'export:a zip for support' 'html:write its HTML file'
                return
        fi
        case $verb in
        list)
                _arguments '1:verb:' '--status[only this result]:status:(success failure skipped warning)' \
                        '--since[only since then]:time:(30m 2h 1d 7d)' \
                        '--ou[only below this DN]:distinguished name:' \
                        '--code[only with this error code]:code:' \
                        '--text[only with this text]:text:' \
                        '--limit[at most so many]:number:' \
                        '--json[one JSON object a line]'
                ;;
        show) _arguments '1:verb:' '--json[the whole document]' '2:run id:' ;;
        html | open) _arguments '1:verb:' '2:run id:' ;;
        export) _arguments '1:verb:' '2:run id:' '3:file:_files' ;;
        esac
}

_sosync_audit() {
        local verb=$words[2]
        if ((CURRENT == 2)); then
                _sosync_verbs 'search:writes and acts, oldest first' 'verify:does every line follow from the one before'
                return
        fi
        case $verb in
        search)
                _arguments '1:verb:' '--since[only since then]:span or time:' '--by[only this person]:name:' \
                        '--dn[of this object]:distinguished name:' '--kind[only these]:kind:(write act)' \
                        '--text[any part of a line]:text:' '--json[the lines as they are]'
                ;;
        verify) _arguments '1:verb:' '--json[the answer as JSON]' ;;
        esac
}

_sosync_queue() {
        local verb=$words[2]
        if ((CURRENT == 2)); then
                _sosync_verbs 'stats:how many wait, and how long' 'list:the changes' 'retry:due now' 'drop:forget a change' \
                        'release:let go on what a brake holds' 'check:does everything fit together' 'backup:copy the state' 'restore:put a backup in its place'
                return
        fi
        case $verb in
        list)
                _arguments '1:verb:' '--state[only in this state]:state:(ready leased delayed parked dated)' \
                        '--limit[at most so many]:number:' '--json[for scripts]'
                ;;
        retry) _arguments '1:verb:' '--json[for scripts]' '2:which:(parked)' ;;
        drop)
                _arguments '1:verb:' '--brake[what this brake holds]:brake:(disable members values create)' \
                        '--json[for scripts]' '2:which:(parked)'
                ;;
        release)
                _arguments '1:verb:' '--brake[what this brake holds]:brake:(disable members values create)' \
                        '--json[for scripts]'
                ;;
        stats) _arguments '1:verb:' '--json[for scripts]' ;;
        check | backup | restore) _arguments '1:verb:' '--json[for scripts]' '2:folder:_files -/' ;;
        esac
}

_sosync_scheduler() {
        local verb=$words[2]
        if ((CURRENT == 2)); then
                _sosync_verbs 'show:its fields' "set:by a person's hand"
                return
        fi
        case $verb in
        show) _arguments '1:verb:' '--json[for scripts]' ;;
        set) _arguments '1:verb:' '--sync-cycle-enabled[may a cycle begin]:value:(true false)' '--json[for scripts]' ;;
        esac
}

_sosync_cluster() {
        if ((CURRENT == 2)); then
                _sosync_verbs 'status:the log, each node and what it does'
                return
        fi
        _arguments '1:verb:' '--json[for scripts]'
}

_sosync_match() {
        local verb=$words[2]
        if ((CURRENT == 2)); then
                _sosync_verbs 'list:both identities of each' 'approve:they are the same'
                return
        fi
        case $verb in
        list) _arguments '1:verb:' '--json[for scripts]' ;;
        approve) _arguments '1:verb:' '2:distinguished name:' ;;
        esac
}

_sosync_revert() {
        _arguments '--run[what this run replaced]:run id:' '--rules[what this rule set replaced]:version:' \
                '--since[what was replaced since]:time:(30m 2h 1d 7d)' '--dry-run[show it only]' \
                '--list[objects that are held]' '--release[let them be synchronized again]' '--json[for scripts]' '1:DN:'
}

_sosync_rules() {
        local verb=$words[2]
        if ((CURRENT == 2)); then
                _sosync_verbs 'list:all rules by precedence' 'check:faults of a folder of rules' 'show:a rule as YAML' \
                        'explain:why an object has its values' 'import:rules of an Entra Connect server' \
                        'diff:what rules would do to everybody' 'activate:let rules work from now on' \
                        'history:versions that were active' 'rollback:to an earlier version'
                return
        fi
        case $verb in
        diff) _arguments '1:verb:' '--json[for scripts]' '2:folder:_files -/' ;;
        activate) _arguments '1:verb:' '--yes[do not ask]' '--json[for scripts]' '2:folder:_files -/' ;;
        history) _arguments '1:verb:' '--json[for scripts]' ;;
        rollback) _arguments '1:verb:' '--yes[do not ask]' '--json[for scripts]' '2:version:' ;;
        list) _arguments '1:verb:' '--rules[these rules]:folder:_files -/' '--json[for scripts]' ;;
        check) _arguments '1:verb:' '--json[for scripts]' '2:folder:_files -/' ;;
        show) _arguments '1:verb:' '--rules[these rules]:folder:_files -/' '--json[for scripts]' '2:name, id or tag:' ;;
        explain)
                _arguments '1:verb:' '--attribute[only this one]:attribute:' '--all[attributes without a value too]' \
                        '--object[an object from a JSON file]:file:_files' \
                        '--type[type of that object]:type:(user inetOrgPerson group)' \
                        '--rules[these rules]:folder:_files -/' '--json[for scripts]' '2:distinguished name:'
                ;;
        import)
                _arguments '1:verb:' '--output[where to]:folder:_files -/' '--connector[CONNECTOR=SOURCE]:connector:' \
                        '--json[for scripts]' '2:path:_files'
                ;;
        esac
}

_sosync() {
        local curcontext=$curcontext state line
        local -a commands=(
                'run:the service'
                'sync:synchronize single objects now'
                'report:find and show reports'
                'audit:who did what'
                'watch:changes as they end'
                'top:the service at a glance'
                'queue:look at and steer changes'
                'state:copy everything to a cluster, or out of one'
                'cluster:the nodes of a cluster'
                'match:soft matches that wait for a person'
                'compare:rules against the cloud'
                'revert:put back what exports replaced'
                'promote:leave staging'
                'demote:back into staging'
                'reconcile:compare the directory with what was imported'
                'rules:see what the sync rules are and do'
                'scheduler:the flag of the regular sync cycle'
                'eval:try an expression'
                'init:write a first configuration'
                'doctor:check everything a run needs'
                'config:check the configuration'
        )

        _arguments -C '-c[configuration]:file:_files' '--reason[why, for the audit log]:reason:' '(- *)--help[what there is]' '(- *)--version[print the version]' \
                '1:command:->command' '*::argument:->argument'
        case $state in
        command) _describe -t commands command commands ;;
        argument)
                case $words[1] in
                run) _arguments '--record[write what the directory says]:file:_files' ;;
                sync)
                        _arguments '--staging-mode[export nothing]' '--no-html-report[write no HTML file]' '--ou[all objects in scope below this DN]:DN:' \
                                '--file[read DNs from a file]:file:_files' '--trace[write what would be sent, and send nothing]:file:_files' '*:distinguished name:'
                        ;;
                report) _sosync_report ;;
                audit) _sosync_audit ;;
                init)
                        _arguments '*--uri[a domain controller]:URI:' '--bind-dn[the account that reads]:distinguished name:' \
                                '--password-file[its password]:file:_files' '--keytab[Kerberos instead]:file:_files' \
                                '--ca-file[who vouches for the servers]:file:_files' '--base[the domain]:distinguished name:' \
                                '*--ou[watch only this]:distinguished name:' '--tenant-id[the tenant]:id:' \
                                '--client-id[the app registration]:id:' '--secret-file[its secret]:file:_files' \
                                '--certificate-file[its certificate]:file:_files' '--key-file[and the key]:file:_files' \
                                '--cloud[a national cloud]:cloud:(global us-gov us-dod china)' \
                                '--graph-url[another Graph]:URL:' '--login-url[another sign-in]:URL:' \
                                '--output[where to]:file:_files'
                        ;;
                doctor) _arguments '--feeds[run each feed for so long]:seconds:' '--json[for scripts]' ;;
                watch) _arguments '--ou[only below this DN]:distinguished name:' '--json[one JSON object a line]' ;;
                top) _arguments '--once[print it once]' '--json[everything as JSON]' ;;
                queue) _sosync_queue ;;
                state)
                        if ((CURRENT == 2)); then
                                _sosync_verbs 'copy:everything durable'
                        else
                                _arguments '1:verb:' '--from[where it is]:store:(lmdb\: jetstream\:)' \
                                        '--to[where it goes]:store:(lmdb\: jetstream\:)' \
                                        '--replace[give up what the target holds]' '--json[for scripts]'
                        fi
                        ;;
                cluster) _sosync_cluster ;;
                match) _sosync_match ;;
                compare)
                        _arguments '--ou[only below this DN]:distinguished name:' '--sample[only so many]:number:' \
                                '--json[for scripts]'
                        ;;
                revert) _sosync_revert ;;
                promote) _arguments '--yes[do not ask]' '--take-over[the other installation is stopped]' ;;
                reconcile)
                        _arguments '--ou[only below this DN]:distinguished name:' '--all[what was never synchronized too]' \
                                '--json[for scripts]'
                        ;;
                rules) _sosync_rules ;;
                scheduler) _sosync_scheduler ;;
                eval)
                        _arguments '--dn[on an object of the directory]:distinguished name:' \
                                '--object[on an object from a JSON file]:file:_files' \
                                '--strict[all operators have one priority]' '--functions[list all functions]' \
                                '--json[for scripts]' '1:expression:'
                        ;;
                config)
                        ((CURRENT > 2)) || _sosync_verbs 'check:every fault of the file' 'show:effective values' 'help:every key' \
                                'permissions:what Graph must grant'
                        ;;
                esac
                ;;
        esac
}

_sosync "$@"
