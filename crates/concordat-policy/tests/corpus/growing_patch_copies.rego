# expect: 6:22 growing_value
package own

copies := [x | some _ in input.skills; x := {"op": "copy", "from": "", "path": "/a"}]

hang if json.marshal(json.patch({"k": 1}, copies)) != ""
