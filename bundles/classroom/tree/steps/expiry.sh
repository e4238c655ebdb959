# shellcheck shell=bash
# When a certificate ends, with no more than coreutils and awk: a small system has no openssl.

# ends_at FILE prints when the first certificate of FILE ends, as seconds since 1970. FILE is
# PEM, or a kubeconfig with a certificate inside; nothing is printed where it has none.
ends_at() {
	local der i time=''
	# A validity is a sequence (30) of two times: UTCTime (17), and GeneralizedTime (18) from
	# 2050 on, in digits (3x) up to a Z (5a).
	local validity='30(1e|20|22)(170d(3[0-9]){12}|180f(3[0-9]){14})5a(170d|180f)((3[0-9]){12,14})5a'
	der=$(pem_in "$1" | awk '/-----END CERTIFICATE-----/ {past = 1} inside && !past {print} /-----BEGIN CERTIFICATE-----/ {inside = 1}' |
		base64 --decode 2>/dev/null | od -An -v -tx1 | tr -d ' \n') || return 0
	[[ $der =~ $validity ]] || return 0
	for ((i = 1; i < ${#BASH_REMATCH[6]}; i += 2)); do time+=${BASH_REMATCH[6]:i:1}; done
	if [[ ${BASH_REMATCH[5]} == 170d ]]; then
		if ((10#${time:0:2} < 50)); then time=20$time; else time=19$time; fi
	fi
	date -u -d "${time:0:4}-${time:4:2}-${time:6:2} ${time:8:2}:${time:10:2}:${time:12:2}" +%s
}

# pem_in FILE prints the PEM of it.
pem_in() {
	local data
	data=$(sed -n 's/^ *client-certificate-data: *//p' "$1")
	if [[ -n $data ]]; then base64 --decode <<<"${data%%$'\n'*}"; else cat "$1"; fi
}
