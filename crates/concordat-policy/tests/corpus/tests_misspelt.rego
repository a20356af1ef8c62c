# expect: 7:15 unknown_rule
# in: own/own_test.rego
package own_test

import data.concordat.admit

test_a if not admit.decison with input as {}
