# expect: 9:1 tests_failed
# expect: 11:1 tests_failed
# expect: 13:1 tests_failed
# in: own/own_test.rego
package own_test

import data.concordat.common

test_a if common.check("a", "fail", "low", "b", "c").policy == "b"

test_b if to_number("zz")

test_c := 7
