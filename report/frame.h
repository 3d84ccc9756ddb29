/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Frame: how one record lies in a day's file
 *
 *      | magic 4 | length 4 | hash of the data 8 | hash of these 16 bytes 8 | data ... | 0..7 zeros |
 *
 * Little-endian, each frame at a multiple of 8. The hash of the head is seeded with day and offset: bytes
 * that look like a frame but were written by somebody into a value of the directory are not taken for one,
 * and a frame that was moved is not taken for whole.
 *
 * Private to report/.
 */

#include "base/clock.h"
#include "report/record.h"

#include <sys/uio.h>

typedef struct FrameReader FrameReader;

#define FRAME_HEAD  ((size_t)24)
#define FRAME_ALIGN ((uint64_t)8)

/* "2026-11-22" and a suffix such as ".log". */
#define DAY_NAME_MAX 24

struct FrameReader {
        int fd;
        int32_t day;
        uint64_t end;  /* of the file */
        uint8_t *data; /* of the frame read last */
        size_t size;
};

int32_t day_of(Wall at); /* days since 1970-01-01 UTC, 0..9999-12-31 */
const char *day_name(int32_t day, const char *suffix, char *buf);
bool day_parse(const char *name, const char *suffix, int32_t *ret_day);

/* Bytes that a record of n takes in the file. */
uint64_t frame_size(size_t n);
void frame_head(uint8_t *head, int32_t day, uint64_t offset, const void *data, size_t n);

/* The file may grow meanwhile: it is read up to the end it has now. Return: 0, -errno. */
int frame_reader_init(FrameReader *f, int fd, int32_t day);
void frame_reader_deinit(FrameReader *f);

/* The frame at `offset`. Return: 0; REPORT_E_NONE: the file ends there; REPORT_E_CORRUPT; -errno. */
int frame_read(FrameReader *f, uint64_t offset, size_t *ret_n);

/* The first whole frame behind `offset`: what follows damage. Return: 0, REPORT_E_NONE, -errno. */
int frame_find(FrameReader *f, uint64_t offset, uint64_t *ret_offset);

/* Read from this place, less than n only where the file ends. Return: 0, -errno. */
int file_read(int fd, uint64_t offset, void *data, size_t n, size_t *ret_n);

/* Write all at this place, or cut the file back to it. Return: 0, REPORT_E_FULL, -errno. */
int file_append(int fd, uint64_t offset, struct iovec *iov, int n);
