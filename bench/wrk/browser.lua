-- SPDX-License-Identifier: MIT
-- A page request as a desktop browser sends it: eleven header fields, Host included (wrk adds it).

wrk.headers["Connection"] = "keep-alive"
wrk.headers["Cache-Control"] = "max-age=0"
wrk.headers["Upgrade-Insecure-Requests"] = "1"
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
wrk.headers["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
wrk.headers["Accept-Language"] = "en-GB,en;q=0.7,de;q=0.3"
wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
wrk.headers["Referer"] = "http://127.0.0.1/catalogue/index.html?page=2"
wrk.headers["Cookie"] = "session=3f9c2a71d8e64b0fa5c7e1029d3b4f68; theme=dark; consent=1"
wrk.headers["Priority"] = "u=0, i"
