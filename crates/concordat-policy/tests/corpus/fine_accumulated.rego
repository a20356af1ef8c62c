package own

a := object.union(input.contract.governance, {"name": input.contract.name})

b := object.union(a, {"steps": count(input.contract.steps)})

c := json.patch(b, [{"op": "add", "path": "/now", "value": input.now}])

shown if c.steps > 1000
