# expect: 31:8 growing_value
# lines 40: a{next} := json.patch(a{}, [{"op": "copy", "from": "/x", "path": "/y"}, {"op": "move", "from": "", "path": "/x"}])
package own

a0 := {"x": 1}

hang if a40 == {}

