# expect: 7:7 shadowed
# in: admit/own.rego
package concordat.admit

import data.concordat.common

hasty(common) if common > 1

other := data.concordat.common.check("a", "fail", "low", "b", "c")

uses := common.failed(set(), "low")
