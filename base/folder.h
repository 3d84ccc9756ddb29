/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Folder: what root makes belongs to whom the folder belongs
 *
 * A service has a user of its own, and its folders are that user's. Root who runs a command beside it, or
 * before its first start, would leave files and folders there that the service cannot open. So what is made
 * in such a folder is given to its owner. For everybody else nothing of this happens.
 */

/* Make it (mode less the umask) if it is not there; as root it is given to the owner of the folder above.
 * Return: 0 (it is there), -errno. */
int folder_make(const char *path, unsigned mode);

/* What is open in `fd` and lies in the folder `dir` (open too): as root, it is given to the folder's owner.
 * Return: 0, -errno. */
int folder_give(int dir, int fd);

/* Make an empty file there that nobody but its owner may use, if there is none; as root it is given to the
 * folder's owner. For files that a library opens and fills. Return: 0 (it is there), -errno. */
int folder_make_file(const char *folder, const char *name);

/* The same by names, of a regular file that is there. Return: 0, -errno. */
int folder_give_file(const char *folder, const char *name);
