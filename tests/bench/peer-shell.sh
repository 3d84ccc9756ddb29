#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The floor: `ldapsearch -E sync=rp | while read`, and one curl for each change. A peer of tests/bench/peers, and no part of the product.
# Arguments: URI BASE BIND-DN PASSWORD-FILE GRAPH TOKEN-FILE. LDAPTLS_CACERT is set by who runs it.
set -u
token=$(<"$6")
ldapsearch -LLL -o ldif-wrap=no -H "$1" -x -D "$3" -y "$4" -b "$2" -E sync=rp '(objectClass=inetOrgPerson)' mail title 2>/dev/null |
    while IFS= read -r line; do
        case $line in
            "dn: "*) mail='' title='' ;;
            "mail: "*) mail=${line#mail: } ;;
            "title: "*) title=${line#title: } ;;
            '')
                [[ -z ${mail:-} || -z ${title:-} ]] ||
                    curl -s -o /dev/null -X PATCH -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
                        -d "{\"jobTitle\": \"$title\"}" "$5/users/$mail"
                mail=''
                ;;
        esac
    done
