# expect: 5:10 unknown_function
# in: admit/own.rego
package concordat.admit

hasty if io.jwt.verify_rs256("a", "b")
