#!/bin/sh
# Installs Chromium for tests/browser where that needs no asking: as root, on Debian and its kin. Elsewhere it says that
# the tests will be skipped, which they say too.
for name in chromium chromium-browser google-chrome-stable google-chrome; do
    command -v "$name" >/dev/null && exit
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'installing Chromium, for tests/browser'
    install() { apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null 2>&1; }
    export DEBIAN_FRONTEND=noninteractive
    install || { apt-get update -qq >/dev/null 2>&1 && install; } && exit
fi
echo 'tests/browser will be skipped: there is no Chromium, and it could not be installed'
