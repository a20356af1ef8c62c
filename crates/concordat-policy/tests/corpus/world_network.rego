# expect: 4:6 banned_builtin
package own

x := http.send({"method": "GET", "url": "http://127.0.0.1"})
