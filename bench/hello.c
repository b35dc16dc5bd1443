// SPDX-License-Identifier: BSD-2-Clause
/* The program that the exec rows execute. */
int main(void)
{
	return 0;
}
