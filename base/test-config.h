/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Test config: a small configuration that has every type, for the tests of the reader and the printer
 */

#include "base/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct TestBind {
        int mechanism;
        const char *keytab;
        const char *dn;
        const char *password_file;
} TestBind;

typedef struct TestUrgent {
        const char *when;
        bool revoke;
        const char *ou;
} TestUrgent;

typedef struct TestProxy {
        const char *url;
        int64_t port;
} TestProxy;

typedef struct TestConfig {
        struct {
                const char *name;
                ConfigList uris;
                const char *base;
                TestBind bind;
        } source;
        struct {
                ConfigList include;
                const char *group_filter;
        } scope;
        bool staging;
        struct {
                int driver;
                int64_t linger;
                int64_t max_hold;
        } scheduler;
        struct {
                double share;
                int64_t workers;
                int64_t memory;
                double min_free;
        } limits;
        ConfigList urgent;
        TestProxy *proxy;
        const char *rules;
        ConfigList ports;
        ConfigList colours;
        int64_t floor;
} TestConfig;

static const char *const test_mechanisms[] = { "gssapi", "simple", "external", NULL };
static const char *const test_drivers[] = { "internal", "command", NULL };
static const char *const test_colours[] = { "red", "green", "on", NULL };

enum {
        TEST_GSSAPI = 1 << 0,
        TEST_SIMPLE = 1 << 1,
};

static const ConfigField test_bind_fields[] = {
        { "mechanism", CONFIG_CHOICE, offsetof(TestBind, mechanism), .help = "how to bind", .required = true,
          .choices = test_mechanisms },
        { "keytab", CONFIG_PATH, offsetof(TestBind, keytab), .help = "Kerberos keytab", .required = true,
          .example = "/etc/example.keytab", .tag = "mechanism", .only_if = TEST_GSSAPI },
        { "dn", CONFIG_DN, offsetof(TestBind, dn), .help = "who binds", .required = true, .tag = "mechanism",
          .only_if = TEST_SIMPLE },
        { "password_file", CONFIG_SECRET, offsetof(TestBind, password_file), .help = "the password",
          .tag = "mechanism", .only_if = TEST_SIMPLE },
        { 0 },
};

static const ConfigField test_source_fields[] = {
        { "name", CONFIG_TEXT, offsetof(TestConfig, source.name), .help = "name of the domain",
          .required = true },
        { "uris", CONFIG_LIST, offsetof(TestConfig, source.uris), .help = "servers, tried in order",
          .example = "[ldaps://dc1.example.test]", .item = CONFIG_TEXT },
        { "base", CONFIG_DN, offsetof(TestConfig, source.base), .help = "where the domain begins" },
        { "bind", CONFIG_MAP, offsetof(TestConfig, source.bind), .help = "who we are", .required = true,
          .fields = test_bind_fields },
        { 0 },
};

static const ConfigField test_scope_fields[] = {
        { "include", CONFIG_LIST, offsetof(TestConfig, scope.include), .help = "subtrees",
          .item = CONFIG_DN },
        { "group_filter", CONFIG_DN, offsetof(TestConfig, scope.group_filter), .help = "pilot group" },
        { 0 },
};

static const ConfigField test_scheduler_fields[] = {
        { "driver", CONFIG_CHOICE, offsetof(TestConfig, scheduler.driver), .help = "who holds the flag",
          .fallback = "internal", .choices = test_drivers },
        { "linger", CONFIG_DURATION, offsetof(TestConfig, scheduler.linger),
          .help = "how long after the last change", .fallback = "2s", .min = 0.5, .max = 3600 },
        { "max_hold", CONFIG_DURATION, offsetof(TestConfig, scheduler.max_hold), .help = "longest hold",
          .fallback = "5m" },
        { 0 },
};

static const ConfigField test_limits_fields[] = {
        { "share", CONFIG_NUMBER, offsetof(TestConfig, limits.share), .help = "share of the limit",
          .fallback = "0.8", .max = 1 },
        { "workers", CONFIG_INT, offsetof(TestConfig, limits.workers), .help = "threads", .fallback = "6",
          .min = 1, .max = 64 },
        { "memory", CONFIG_SIZE, offsetof(TestConfig, limits.memory), .help = "memory", .fallback = "64MiB",
          .min = 1 << 20, .max = 1 << 30 },
        { "min_free", CONFIG_PERCENT, offsetof(TestConfig, limits.min_free), .help = "free disk",
          .fallback = "10%" },
        { 0 },
};

static const ConfigField test_urgent_fields[] = {
        { "when", CONFIG_TEXT, offsetof(TestUrgent, when), .help = "expression", .required = true },
        { "revoke", CONFIG_BOOL, offsetof(TestUrgent, revoke), .help = "end sessions" },
        { "ou", CONFIG_DN, offsetof(TestUrgent, ou), .help = "subtree" },
        { 0 },
};

static const ConfigField test_proxy_fields[] = {
        { "url", CONFIG_TEXT, offsetof(TestProxy, url), .help = "where it is", .fallback = "http://proxy" },
        { "port", CONFIG_INT, offsetof(TestProxy, port), .help = "port", .fallback = "3128", .min = 1,
          .max = 65535 },
        { 0 },
};

static const ConfigField test_fields[] = {
        { "source", CONFIG_MAP, 0, .help = "the directory", .required = true, .fields = test_source_fields },
        { "scope", CONFIG_MAP, 0, .help = "what is synchronised", .fields = test_scope_fields },
        { "staging", CONFIG_BOOL, offsetof(TestConfig, staging), .help = "export nothing",
          .fallback = "true" },
        { "scheduler", CONFIG_MAP, 0, .help = "the flag", .fields = test_scheduler_fields },
        { "limits", CONFIG_MAP, 0, .help = "limits", .fields = test_limits_fields },
        { "urgent", CONFIG_LIST, offsetof(TestConfig, urgent), .help = "what goes first", .item = CONFIG_MAP,
          .fields = test_urgent_fields, .size = sizeof(TestUrgent) },
        { "proxy", CONFIG_MAP_OPTIONAL, offsetof(TestConfig, proxy), .help = "proxy",
          .fields = test_proxy_fields, .size = sizeof(TestProxy) },
        { "rules", CONFIG_PATH, offsetof(TestConfig, rules), .help = "rule set",
          .fallback = "/usr/share/rules" },
        { "ports", CONFIG_LIST, offsetof(TestConfig, ports), .help = "ports", .fallback = "[389, 636]",
          .item = CONFIG_INT, .min = 1, .max = 65535 },
        { "colours", CONFIG_LIST, offsetof(TestConfig, colours), .help = "colours", .item = CONFIG_CHOICE,
          .choices = test_colours },
        { "floor", CONFIG_INT, offsetof(TestConfig, floor), .help = "no default, and 0 is no value", .min = 3,
          .max = 9 },
        { 0 },
};

/* As app/ does it, in small: every part of a DN has a '='. */
static inline bool test_check_dn(const char *dn, Diag *why)
{
        for (const char *p = dn; *p;) {
                size_t n = strcspn(p, ",");

                if (!memchr(p, '=', n)) {
                        diag_set(why, "missing '=' after \"%.*s\"", (int)n, p);
                        return false;
                }
                p += n + (p[n] == ',');
        }
        return true;
}

static const ConfigHooks test_hooks = { .check_dn = test_check_dn };

/* The shortest text that the table takes. */
#define TEST_MINIMAL "source: {name: corp, bind: {mechanism: external}}\n"
