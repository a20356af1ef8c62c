# expect: 4:6 banned_builtin
package own

x := graph.reachable_paths({"a": ["b"], "b": ["a"]}, {"a"})
