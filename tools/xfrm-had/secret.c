// SPDX-License-Identifier: GPL-2.0
/* Memory for what nobody may see, and keys made of keys. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "transport.h"

/**
 * had_secret_alloc() - memory that is not swapped, nor in a core
 * @n: octets
 *
 * Where the limit of locked memory is lower it is not locked; main() says so, once, of all memory.
 *
 * Return: zeroed memory, or NULL.
 */
void *had_secret_alloc(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	mlock(p, n);
	madvise(p, n, MADV_DONTDUMP);
	return p;
}

/**
 * had_secret_free() - give it back, emptied
 * @p: what had_secret_alloc() gave, or NULL
 * @n: octets it was asked for
 */
void had_secret_free(void *p, size_t n)
{
	if (!p)
		return;
	explicit_bzero(p, n);
	munmap(p, n);
}

int had_hkdf(const void *key, size_t key_len, const void *info, size_t info_len, uint8_t *to,
	     size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA384", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_len),
		OSSL_PARAM_construct_end(),
	};
	int err = ctx && EVP_KDF_derive(ctx, to, len, params) > 0 ? 0 : -EIO;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return err;
}

int had_derive(const uint8_t *key, const char *purpose, uint8_t *to, size_t len)
{
	return had_hkdf(key, HAD_KEY_LEN, purpose, strlen(purpose), to, len);
}
