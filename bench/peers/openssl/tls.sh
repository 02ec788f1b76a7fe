#!/bin/bash
# tls.sh: bench-tls's server by `openssl s_server`, which serves one connection at a time, so it has no idle
# connections. It prints its port and ends at the end of its input.
exec 3<&0
(cat <&3 >/dev/null; kill $$) &
cd "$FOLDER" || exit 1
exec openssl s_server -accept 127.0.0.1:0 -cert "$CERTIFICATE" -WWW 2>/dev/null \
    > >(sed -nu 's/^ACCEPT .*:\([0-9]*\)$/\1/p')
