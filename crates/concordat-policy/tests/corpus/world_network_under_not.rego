# expect: 4:10 banned_builtin
package own

x if not http.send({"method": "GET", "url": "http://127.0.0.1"}).body.blocked
