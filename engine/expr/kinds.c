/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/functions.h"
#include "engine/expr/parse.h"

char node_kind(const Node *node)
{
        switch ((NodeKind)node->kind) {
        case NODE_LITERAL:
                return node->value.type == VALUE_STRING ? 's' : 'n';
        case NODE_CONSTANT:
                switch (node->constant->value.type) {
                case VALUE_BOOL:
                        return 'b';
                case VALUE_STRING:
                        return 's';
                case VALUE_TOKEN:
                        return 't';
                default:
                        return 'v';
                }
        case NODE_COUNT:
        case NODE_NEGATE:
                return 'n';
        case NODE_PARAMETER:
                return 's';
        case NODE_CHAIN:
                switch (node->chain.links[node->chain.n_links - 1].op) {
                case OPERATOR_TIMES:
                case OPERATOR_PLUS:
                case OPERATOR_MINUS:
                        return 'n';
                case OPERATOR_JOIN:
                        return 'x';
                default:
                        return 'b';
                }
        case NODE_CALL:
                return node->call.function->result;
        case NODE_ATTRIBUTE:
        case NODE_IMPORTED:
        case NODE_VARIABLE:
                break;
        }
        return 'v';
}

const char *node_kind_name(char kind)
{
        switch (kind) {
        case 's':
                return "a text";
        case 'n':
                return "a number";
        case 'b':
                return "True or False";
        case 'd':
                return "a date";
        case 'r':
                return "a reference (CRef() makes one of a text)";
        case 'y':
                return "binary";
        case 'x':
                return "a text or binary";
        case 't':
                return "IgnoreThisFlow or AuthoritativeNull";
        default:
                return "a value";
        }
}

bool node_kinds_agree(char wanted, char kind)
{
        if (wanted == kind || kind == 'v')
                return true;
        switch (wanted) {
        case 'v':
                return true;
        case 'o':
        case 'm':
                return kind != 't';
        case 'x':
                return kind == 's' || kind == 'y';
        case 's':
        case 'y':
                return kind == 'x';
        default:
                return false;
        }
}
